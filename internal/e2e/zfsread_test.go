//go:build zfsvm

package e2e_test

import (
	"strings"
	"testing"
)

// TestZFSReads reads through a mount whose cache lies on ZFS: cold, warm, from the
// records in memory and from the disk, and after a restart without a GET.
func TestZFSReads(t *testing.T) {
	d := newPool(t).dataset("cache")
	s := standOn(d)
	files := []file{s.put("whole", 8*mib), s.put("tail", 5*mib+12345), s.put("small", 300*kib+1), s.put("empty", 0)}
	m := s.mount()
	if log := m.log.String(); !strings.Contains(log, "filesystem=zfs") {
		t.Errorf("the log does not say that the cache lies on ZFS:\n%s", tail(log, 20))
	}
	for _, f := range files {
		f.verify(t)
		f.verify(t)
	}
	if code := m.unmount(); code != 0 {
		t.Fatalf("unmount: exit code %d", code)
	}
	on := walkCache(t, s.cache, true)
	if want := sizes(files); on.bytes != want {
		t.Errorf("%d bytes are cached, of %d that were read", on.bytes, want)
	}

	d.export() // so that they come from the disk
	d.reimport()
	s.server.Reset()
	s.mount()
	for i, f := range files {
		j := f.job([]string{"sequential", "random", "direct", "mmap"}[i])
		if v := j.must(t); v.SHA256 != f.sha256() {
			t.Errorf("%s of %s: sha256 %s, want %s", j.Mode, f.key, v.SHA256, f.sha256())
		}
		if n := s.gets(f.key); n > 0 {
			t.Errorf("%s: %d GETs of a file that is wholly cached", f.key, n)
		}
	}
}

// sizes is the sum of the files' sizes.
func sizes(files []file) (sum int64) {
	for _, f := range files {
		sum += f.size
	}
	return sum
}
