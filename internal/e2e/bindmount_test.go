package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestBindMountOutlivesEviction: who has a file without its name, by a bind mount of it
// as containers have, reads on when it has been evicted from the cache: from S3, though
// the kernel read it before.
func TestBindMountOutlivesEviction(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may make bind mounts")
	}
	s := newStand(t)
	var files []file
	for i := range 9 {
		files = append(files, s.put(fmt.Sprintf("f%d", i), 3_000_000))
	}
	s.mount("--cache-size", "7MiB")
	bound := files[0]
	cacheWhole(t, bound)
	bound.verify(t) // and is the kernel's now

	target := filepath.Join(t.TempDir(), "bound")
	if err := os.WriteFile(target, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(bound.path(), target, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(target, 0); err != nil {
			t.Error(err)
		}
	})
	sum := func() string {
		t.Helper()
		out, err := exec.Command("sha256sum", target).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		text, _, _ := strings.Cut(string(out), " ")
		return text
	}
	same := func(when string) {
		t.Helper()
		if got := sum(); got != bound.sha256() {
			t.Fatalf("%s: %s", when, got)
		}
	}
	same("cached")
	eventually(t, "the file is evicted", func() bool {
		for _, f := range files[1:] {
			for range 3 { // or the cache takes them for a scan, and keeps what was used before
				f.verify(t)
			}
		}
		var value [64]byte
		n, err := unix.Getxattr(bound.path(), "user.zs3fs.cached", value[:])
		if err != nil {
			t.Fatal(err)
		}
		return string(value[:n]) == "0/3 blocks"
	})
	same("evicted")
	cacheWhole(t, bound)
	same("cached again")
}

// TestRefreshKeepsMountsBelow: what somebody has mounted on a directory of the mount, by
// the mount point or by a bind mount as containers do, is there after a refresh; and
// what is beside it is new.
func TestRefreshKeepsMountsBelow(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may mount in a mount")
	}
	s := newStand(t)
	s.put("d/below/f", 10)
	s.put("bound/e below/f", 10)
	var beside []file
	for _, key := range []string{"f", "d/f", "bound/f"} {
		beside = append(beside, s.put(key, 10))
	}
	s.mount("--metadata-ttl", "1h")
	bound := t.TempDir()
	over := func(source, dir, kind string, flags uintptr) {
		t.Helper()
		if err := unix.Mount(source, dir, kind, flags, ""); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := unix.Unmount(dir, 0); err != nil {
				t.Errorf("umount %s: %v", dir, err)
			}
		})
	}
	over(filepath.Join(s.mnt, "bound"), bound, "", unix.MS_BIND)
	if err := unix.Mount("", bound, "", unix.MS_PRIVATE, ""); err != nil {
		t.Fatal(err)
	}
	var marks []string
	for _, dir := range []string{filepath.Join(s.mnt, "d/below"), filepath.Join(bound, "e below")} {
		over("none", dir, "tmpfs", 0)
		marks = append(marks, filepath.Join(dir, "mark"))
		write(t, marks[len(marks)-1], nil)
	}
	for _, path := range []string{"", "d", "bound", "bound/e below"} {
		for i, f := range beside {
			if _, err := os.Stat(f.path()); err != nil {
				t.Fatal(err)
			}
			beside[i] = s.overwrite(f, f.size+1)
		}
		xattr(t, filepath.Join(s.mnt, path), "user.zs3fs.refresh")
		for _, mark := range marks {
			if _, err := os.Stat(mark); err != nil {
				t.Errorf("refresh of %q: %v", path, err)
			}
		}
		if path != "" {
			continue
		}
		for _, f := range beside {
			if fi, err := os.Stat(f.path()); err != nil || fi.Size() != f.size {
				t.Errorf("refresh of %q: %s is old: %v", path, f.key, err)
			}
		}
	}
}
