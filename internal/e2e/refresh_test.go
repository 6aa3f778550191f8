package e2e_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestRefresh: what never expires is asked for anew below a path that is
// refreshed, by the command and by reading the attribute, and nowhere else; an
// open file goes on.
func TestRefresh(t *testing.T) {
	s := newStand(t)
	f, other := s.put("d/e/f", 640*kib), s.put("c/f", 100)
	s.put("d/gone", 10)
	s.mount("--consistency", "forever", "--negative-metadata-ttl", "-1", "--runtime-dir", filepath.Join(s.dir, "run"),
		"--block-size", "64KiB", "--read-part-size", "64KiB", "--read-ahead", "0")
	size := func(name string) int64 {
		t.Helper()
		st, err := os.Stat(filepath.Join(s.mnt, name))
		if errors.Is(err, fs.ErrNotExist) {
			return -1
		} else if err != nil {
			t.Fatal(err)
		}
		return st.Size()
	}
	want := func(when string, sizes map[string]int64) {
		t.Helper()
		for name, n := range sizes {
			if got := size(name); got != n {
				t.Errorf("%s: size of %s: %d, want %d", when, name, got, n)
			}
		}
	}
	before := map[string]int64{"d/e/f": f.size, "c/f": 100, "d/gone": 10, "d/new": -1, "d/e/new": -1, "c/new": -1}
	want("at first", before)
	h := f.open(t, 0)
	if err := f.readAt(h, 0, 4096); err != nil {
		t.Fatal(err)
	}
	g := s.overwrite(f, 50)
	s.overwrite(other, 50)
	s.bucket.Delete("d/gone")
	for _, name := range []string{"d/new", "d/e/new", "c/new"} {
		s.put(name, 7)
	}
	want("before the refresh", before)
	cmd := exec.Command(executable, "refresh", "--runtime-dir", filepath.Join(s.dir, "run"), filepath.Join(s.mnt, "d"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want("after d was refreshed", map[string]int64{"d/e/f": 50, "c/f": 100, "d/gone": -1, "d/new": 7, "d/e/new": 7, "c/new": -1})
	g.verify(t)
	if err := f.readAt(h, 0, 4096); err != nil {
		t.Errorf("the open file: %v", err)
	}
	// The kernel refuses to write an attribute of a mount that is read-only.
	if err := unix.Setxattr(filepath.Join(s.mnt, "c"), "user.zs3fs.refresh", []byte("1"), 0); !errors.Is(err, unix.EROFS) {
		t.Errorf("writing an attribute: %v, want EROFS", err)
	}
	value := make([]byte, 100)
	if n, err := unix.Getxattr(filepath.Join(s.mnt, "c"), "user.zs3fs.refresh", value); err != nil || string(value[:n]) != "refreshed" {
		t.Errorf("%q, %v", value[:max(n, 0)], err)
	}
	want("after c was refreshed", map[string]int64{"c/f": 50, "c/new": 7, "d/e/f": 50})
	s.overwrite(other, 40)
	s.bucket.Delete("d/new")
	cmd = exec.Command(executable, "refresh", "--runtime-dir", filepath.Join(s.dir, "run"), s.mnt, filepath.Join(s.mnt, "never/there"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want("after all was refreshed", map[string]int64{"c/f": 40, "d/new": -1, "d/e/f": 50})
}

// TestRefreshBelowNone: a path below what was no directory is seen when it is refreshed,
// too.
func TestRefreshBelowNone(t *testing.T) {
	s := newStand(t)
	s.put("file", 3)
	s.mount("--consistency", "forever", "--negative-metadata-ttl", "-1", "--runtime-dir", filepath.Join(s.dir, "run"))
	for name, errno := range map[string]error{"new/a/b": unix.ENOENT, "file/a/b": unix.ENOTDIR} {
		path := filepath.Join(s.mnt, name)
		if _, err := os.Stat(path); !errors.Is(err, errno) {
			t.Fatalf("%s: %v, want %v", name, err, errno)
		}
		s.bucket.Delete("file")
		s.put(name, 7)
		if _, err := os.Stat(path); !errors.Is(err, errno) {
			t.Fatalf("%s before it is refreshed: %v, want %v", name, err, errno)
		}
		cmd := exec.Command(executable, "refresh", "--runtime-dir", filepath.Join(s.dir, "run"), path)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if st, err := os.Stat(path); err != nil || st.Size() != 7 {
			t.Errorf("%s refreshed: %v, %v", name, st, err)
		}
	}
}
