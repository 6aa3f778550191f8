package e2e_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestFaultF80WritesAreRefused: EROFS for everything that would change something,
// and not one mutating request.
func TestFaultF80WritesAreRefused(t *testing.T) {
	s := newStand(t)
	f := s.put("d/f", 100*kib)
	s.mount()
	fresh, dir := filepath.Join(s.mnt, "new"), filepath.Join(s.mnt, "d")
	open := func(path string, flags int) func() error {
		return func() error {
			fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0o644)
			if err == nil {
				unix.Close(fd)
			}
			return err
		}
	}
	times := []unix.Timespec{{Sec: 1}, {Sec: 1}}
	for name, op := range map[string]func() error{
		"open O_RDWR":           open(f.path(), unix.O_RDWR),
		"open O_WRONLY":         open(f.path(), unix.O_WRONLY),
		"open O_TRUNC":          open(f.path(), unix.O_TRUNC),
		"open O_WRONLY|APPEND":  open(f.path(), unix.O_WRONLY|unix.O_APPEND),
		"open O_CREAT":          open(fresh, unix.O_CREAT|unix.O_WRONLY),
		"open O_CREAT|O_RDONLY": open(fresh, unix.O_CREAT),
		"open O_TMPFILE":        open(dir, unix.O_TMPFILE|unix.O_RDWR),
		"unlink":                func() error { return unix.Unlink(f.path()) },
		"rename":                func() error { return unix.Rename(f.path(), fresh) },
		"mkdir":                 func() error { return unix.Mkdir(fresh, 0o755) },
		"rmdir":                 func() error { return unix.Rmdir(dir) },
		"link":                  func() error { return unix.Link(f.path(), fresh) },
		"symlink":               func() error { return unix.Symlink("x", fresh) },
		"mknod":                 func() error { return unix.Mknod(fresh, unix.S_IFIFO|0o644, 0) },
		"chmod":                 func() error { return unix.Chmod(f.path(), 0o600) },
		"chown":                 func() error { return unix.Chown(f.path(), 1, 1) },
		"truncate":              func() error { return unix.Truncate(f.path(), 1) },
		"utimens":               func() error { return unix.UtimesNanoAt(unix.AT_FDCWD, f.path(), times, 0) },
		"setxattr":              func() error { return unix.Setxattr(f.path(), "user.x", []byte("1"), 0) },
		"removexattr":           func() error { return unix.Removexattr(f.path(), "user.s3.key") },
	} {
		if err := op(); !errors.Is(err, unix.EROFS) {
			t.Errorf("%s: %v, want EROFS", name, err)
		}
	}
	h := f.open(t, 0)
	for name, err := range map[string]error{
		"write":     errOf2(unix.Pwrite(int(h.Fd()), []byte("x"), 0)),
		"ftruncate": unix.Ftruncate(int(h.Fd()), 0),
		"fallocate": unix.Fallocate(int(h.Fd()), 0, 0, 1),
	} {
		if !errors.Is(err, unix.EBADF) && !errors.Is(err, unix.EINVAL) {
			t.Errorf("%s on a handle for reading: %v", name, err)
		}
	}
	if err := unix.Access(f.path(), unix.W_OK); !errors.Is(err, unix.EROFS) {
		t.Errorf("access W_OK: %v, want EROFS", err)
	}
	f.verify(t)
	if _, err := os.Lstat(fresh); err == nil {
		t.Error("something was made")
	}
	if n := s.server.Mutating(); n != 0 {
		t.Errorf("%d mutating requests", n)
	}
}

// errOf2 returns the second of two results.
func errOf2[T any](_ T, err error) error { return err }
