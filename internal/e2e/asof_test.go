package e2e_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// putAt makes the next version of f at a moment.
func (s *stand) putAt(f file, size int64, at time.Time) file {
	f.version, f.size = f.version+1, size
	f.content = s3test.Coded(f.seed, f.version, size)
	s.bucket.PutWith(f.key, f.content, s3test.PutOptions{ModTime: at})
	return f
}

// TestAsOf: names, sizes and bytes of an hour ago, also where the bucket has gone
// on since and goes on while mounted; and what was cached of it serves the present
// where that has the same bytes.
func TestAsOf(t *testing.T) {
	s := newStand(t)
	s.bucket.SetVersioning(true)
	now := time.Now()
	before, after := now.Add(-2*time.Hour), now.Add(-30*time.Minute)
	named := func(key string) file { return file{s: s, key: key, seed: s.seeds.Add(1)} }
	same, changed := s.putAt(named("same"), 3*mib, before), s.putAt(named("changed"), 2*mib, before)
	deleted, inside := s.putAt(named("deleted"), 100*kib, before), s.putAt(named("d/e/x"), 10*kib, before)
	s.putAt(changed, mib, after)
	s.bucket.DeleteAt("deleted", after)
	s.bucket.DeleteAt("d/e/x", after)
	s.putAt(named("new"), 10, after)
	s.putAt(named("new dir/x"), 10, after)

	d := s.mount("-o", "as_of=1h")
	entries, err := os.ReadDir(s.mnt)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if want := []string{"changed", "d", "deleted", "same"}; err != nil || !slices.Equal(names, want) {
		t.Fatalf("names %q, %v, want %q", names, err, want)
	}
	for _, name := range []string{"new", "new dir", "new dir/x"} {
		if _, err := os.Stat(filepath.Join(s.mnt, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v, want ENOENT", name, err)
		}
	}
	for _, f := range []file{same, changed, deleted, inside} {
		f.verify(t)
		st, err := os.Stat(f.path())
		if err != nil || st.Size() != f.size || !st.ModTime().Equal(before.Truncate(time.Second)) {
			t.Errorf("%s: %+v, %v", f.key, st, err)
		}
		for _, attr := range []string{"user.s3.version_id", "user.s3.content_type"} {
			if n, err := unix.Getxattr(f.path(), attr, make([]byte, 100)); err != nil || n == 0 {
				t.Errorf("%s of %s: %d, %v", attr, f.key, n, err)
			}
		}
	}
	// The past does not change, and is known.
	s.overwrite(same, 10)
	s.bucket.Delete("changed")
	s.server.Reset()
	if again, err := os.ReadDir(s.mnt); err != nil || len(again) != len(entries) {
		t.Errorf("%v, %v", again, err)
	}
	same.verify(t)
	changed.verify(t)
	if n := s.server.Count(); n > 0 {
		t.Errorf("%d requests for what was read already", n)
	}
	if code := d.unmount(); code != 0 {
		t.Fatalf("exit code %d", code)
	}

	same = s.putAt(file{s: s, key: "same", seed: same.seed}, 3*mib, now) // the old bytes again
	s.server.Reset()
	s.mount()
	same.verify(t)
	if n := s.gets("same"); n > 0 {
		t.Errorf("%d GETs for the bytes that the past had", n)
	}
}
