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
