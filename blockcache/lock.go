package blockcache

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const lockName = "lock"

// takeLock locks the directory for this process: flock, so that a killed one
// leaves nothing behind. The file's content is for the message only.
func (h *home) takeLock(owner string) error {
	fd, err := h.openLock()
	if err != nil {
		return &os.PathError{Op: "open", Path: filepath.Join(h.path, lockName), Err: err}
	}
	_, err = retryInt(func() (int, error) { return 0, unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) })
	if errors.Is(err, unix.EWOULDBLOCK) {
		unix.Close(fd)
		return h.lockedError()
	}
	if err != nil {
		unix.Close(fd)
		return &os.PathError{Op: "lock", Path: filepath.Join(h.path, lockName), Err: err}
	}
	// The directory too, since who clears a cache by hand may remove the file from
	// under its holder. NFS cannot lock directories.
	_, err = retryInt(func() (int, error) { return 0, unix.Flock(h.fd, unix.LOCK_EX|unix.LOCK_NB) })
	if errors.Is(err, unix.EWOULDBLOCK) {
		unix.Close(fd)
		return &LockedError{Dir: h.path}
	}
	h.lock = fd
	sys := realSyscalls()
	if unix.Ftruncate(fd, 0) == nil {
		// Lost when the disk is full or read-only: then the message says less.
		_ = sys.writeFull(fd, fmt.Appendf(nil, "%d\n%s\n", os.Getpid(), owner), 0)
	}
	return nil
}

// openLock opens the lock file, and makes it anew when the name is taken by
// anything but a plain file of ours.
func (h *home) openLock() (int, error) {
	for attempt := 0; ; attempt++ {
		fd, _, _, err := openFile(h.fd, lockName)
		switch {
		case err == nil || attempt == 2:
			return fd, err
		case errors.Is(err, unix.ENOENT):
			fd, err = createFile(h.fd, lockName, 0)
			if !errors.Is(err, unix.EEXIST) {
				return fd, err
			}
		case errors.Is(err, errDamaged):
			if err := removeName(h.fd, lockName); err != nil {
				return -1, err
			}
		default:
			return -1, err
		}
	}
}

// lockedError tells who has the lock.
func (h *home) lockedError() error {
	e := &LockedError{Dir: h.path}
	if raw, err := readSmall(h.fd, lockName); err == nil {
		pid, owner, _ := strings.Cut(strings.TrimSuffix(string(raw), "\n"), "\n")
		e.PID, _ = strconv.Atoi(pid) // 0 when not readable
		e.Owner = owner
	}
	return e
}
