package blockcache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Room is a directory in the mount's own, beside the blocks, for what others keep there
// under the same lock and the same care: it is closed to others, and nothing is opened
// through a link. Its bytes do not count as the cache's. Versions of the program that do
// not know it leave it alone. Safe for concurrent use.
type Room struct {
	d  *disk
	fd int
}

// OpenRoom makes the directory where it is missing; it is nil when the cache keeps nothing
// on disk. The caller closes it.
func (c *Cache) OpenRoom(name string) (*Room, error) {
	if c.disk == nil {
		return nil, nil
	}
	d := c.disk
	fd, err := makeDir(d.home.fd, name)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: d.home.path + "/" + name, Err: err}
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || int(st.Uid) != os.Geteuid() || st.Mode&0o077 != 0 {
		unix.Close(fd)
		return nil, errors.Join(err, &UnsafeError{d.home.path + "/" + name, fmt.Sprintf("is of mode %04o and of user %d", st.Mode&0o7777, st.Uid)})
	}
	return &Room{d, fd}, nil
}

// Open opens a plain file of ours to read and write; anything else under the name is
// fs.ErrNotExist.
func (r *Room) Open(name string) (*os.File, error) {
	fd, _, writable, err := openFile(r.fd, name)
	switch {
	case errors.Is(err, errDamaged):
		err = fs.ErrNotExist
	case err == nil && !writable:
		unix.Close(fd)
		err = unix.EROFS
	}
	return r.file(fd, "open", name, err)
}

// Create makes a file anew in the place of whatever has the name.
func (r *Room) Create(name string) (*os.File, error) {
	fd, err := -1, removeName(r.fd, name)
	if err == nil {
		fd, err = createFile(r.fd, name, 0)
	}
	return r.file(fd, "create", name, err)
}

func (r *Room) file(fd int, op, name string, err error) (*os.File, error) {
	if err != nil {
		return nil, &os.PathError{Op: op, Path: name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}

// Rename gives a file another name, in the place of whatever has it.
func (r *Room) Rename(from, to string) error {
	err := removeDirectory(r.fd, to)
	if err == nil {
		err = unix.Renameat(r.fd, from, r.fd, to)
	}
	return linkError("rename", from, err)
}

// Remove removes whatever has the name.
func (r *Room) Remove(name string) error { return linkError("remove", name, removeName(r.fd, name)) }

// Sync has renames survive a power cut.
func (r *Room) Sync() error { return linkError("sync", ".", unix.Fsync(r.fd)) }

func linkError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &os.PathError{Op: op, Path: name, Err: err}
}

// Room returns how many bytes of the file system are free beyond those that are left to
// others.
func (r *Room) Room() (int64, error) {
	free, err := r.d.sys.free(r.fd)
	mu := &r.d.c.mem.mu
	mu.Lock()
	defer mu.Unlock()
	return max(free-r.d.minFree, 0), err
}

// Close lets go of the directory.
func (r *Room) Close() error { return unix.Close(r.fd) }
