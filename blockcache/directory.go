package blockcache

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Everything below the cache directory is opened step by step relative to a
// directory that is held open, and never through a symbolic link. Opening does
// not block on a FIFO, and what is opened must be a plain file, ours, with one
// name: a hard link to another file would let us write into that.

const openFlags = unix.O_NOFOLLOW | unix.O_CLOEXEC | unix.O_NONBLOCK

// openDir opens directory name in parent.
func openDir(parent int, name string) (int, error) {
	return retryInt(func() (int, error) {
		return unix.Openat(parent, name, openFlags|unix.O_DIRECTORY|unix.O_RDONLY, 0)
	})
}

// makeDir opens directory name in parent, and makes it where missing. What has
// the name and is no directory is removed.
func makeDir(parent int, name string) (int, error) {
	for attempt := 0; ; attempt++ {
		fd, err := openDir(parent, name)
		switch {
		case err == nil || attempt == 2:
			return fd, err
		case errors.Is(err, unix.ENOENT):
			if err := unix.Mkdirat(parent, name, 0o700); err != nil && !errors.Is(err, unix.EEXIST) {
				return -1, err
			}
		case errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP):
			if err := unix.Unlinkat(parent, name, 0); err != nil {
				return -1, err
			}
		default:
			return fd, err
		}
	}
}

// openFile opens an existing plain file of ours; anything else under the name is
// errDamaged. On a read-only file system it is opened for reading only.
func openFile(parent int, name string) (fd int, st unix.Stat_t, writable bool, err error) {
	writable = true
	fd, err = retryInt(func() (int, error) { return unix.Openat(parent, name, openFlags|unix.O_RDWR, 0) })
	if errors.Is(err, unix.EROFS) {
		writable = false
		fd, err = retryInt(func() (int, error) { return unix.Openat(parent, name, openFlags|unix.O_RDONLY, 0) })
	}
	switch {
	case errors.Is(err, unix.ELOOP), errors.Is(err, unix.EISDIR), errors.Is(err, unix.ENXIO), errors.Is(err, unix.EACCES):
		return -1, st, false, errDamaged
	case err != nil:
		return -1, st, false, err
	}
	if err = unix.Fstat(fd, &st); err == nil && !plain(&st) {
		err = errDamaged
	}
	if err != nil {
		unix.Close(fd)
		return -1, st, false, err
	}
	return fd, st, writable, nil
}

func plain(st *unix.Stat_t) bool {
	return st.Mode&unix.S_IFMT == unix.S_IFREG && st.Nlink == 1 && int(st.Uid) == os.Geteuid()
}

// createFile makes a file that must not exist yet.
func createFile(parent int, name string, size int64) (int, error) {
	fd, err := retryInt(func() (int, error) {
		return unix.Openat(parent, name, openFlags|unix.O_RDWR|unix.O_CREAT|unix.O_EXCL, 0o600)
	})
	if err != nil {
		return -1, err
	}
	// The size first: ZFS then settles the record size before the first write.
	if err := unix.Ftruncate(fd, size); err != nil {
		unix.Close(fd)
		_ = unix.Unlinkat(parent, name, 0) // best effort: the sweep finds it
		return -1, err
	}
	return fd, nil
}

// removeName removes whatever has the name, a directory with all below it; what is
// mounted there is somebody else's, and stays.
func removeName(parent int, name string) error {
	err := unix.Unlinkat(parent, name, 0)
	if errors.Is(err, unix.EISDIR) || errors.Is(err, unix.EPERM) {
		err = removeTree(parent, name)
	}
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}

func removeTree(parent int, name string) error {
	fd, err := openDir(parent, name)
	if err != nil {
		return err
	}
	if isMount(fd) {
		unix.Close(fd)
		return unix.EBUSY // as rmdir has it
	}
	err = eachName(fd, func(below string) error { return removeName(fd, below) })
	unix.Close(fd)
	return errors.Join(err, unix.Unlinkat(parent, name, unix.AT_REMOVEDIR))
}

// isMount reports whether a directory is the root of what is mounted there.
func isMount(fd int) bool {
	var st unix.Statx_t
	err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, 0, &st)
	return err == nil && st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0
}

// eachName calls fn for every name in a directory, with bounded memory. Names
// may be removed meanwhile.
func eachName(dir int, fn func(name string) error) error {
	fd, err := openDir(dir, ".")
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), "cache")
	defer f.Close()
	for {
		names, err := f.Readdirnames(1024)
		for _, name := range names {
			if err := fn(name); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// retryInt repeats a system call that a signal interrupted, as package os does:
// Go's own preemption signals interrupt calls on FUSE and NFS.
func retryInt(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if err != unix.EINTR {
			return n, err
		}
	}
}
