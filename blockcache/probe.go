package blockcache

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Probe returns an empty file without a name, like those that Version.Passthrough
// returns in all but its content; the caller closes it.
func (c *Cache) Probe() (*os.File, error) {
	if c.disk == nil {
		return nil, errors.New("nothing is cached on disk")
	}
	fd, err := retryInt(func() (int, error) {
		return unix.Openat(c.disk.home.fd, ".", unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	})
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: c.disk.home.path, Err: err}
	}
	return os.NewFile(uintptr(fd), c.disk.home.path), nil
}
