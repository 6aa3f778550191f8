package control

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// dialTimeout is for a daemon that does not take its connections.
const dialTimeout = 2 * time.Second

// Listener is a mount's socket.
type Listener struct {
	*net.UnixListener
	dir, name string
	inode     uint64
}

// Listen makes the socket of a mount point in dir, in the place of one that is
// there, and removes those of dir that nobody listens on.
func Listen(dir, mountpoint string) (*Listener, error) {
	fd, err := openDir(dir, true)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	if err := lock(fd); err != nil {
		return nil, fmt.Errorf("%s is locked: %w", dir, err)
	}
	name := Name(mountpoint)
	fresh := fmt.Sprintf("%s.%d", name, os.Getpid())
	_ = unix.Unlinkat(fd, fresh, 0) // of a process of the same number, long ago
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: pathIn(fd, fresh), Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // the name may be another daemon's by then
	var st unix.Stat_t
	if err = unix.Fchmodat(fd, fresh, 0o600, 0); err == nil {
		err = unix.Fstatat(fd, fresh, &st, unix.AT_SYMLINK_NOFOLLOW)
	}
	if err == nil {
		err = unix.Renameat(fd, fresh, fd, name)
	}
	if err != nil {
		_ = unix.Unlinkat(fd, fresh, 0)
		return nil, errors.Join(err, l.Close())
	}
	removeStale(fd, dir)
	return &Listener{UnixListener: l, dir: dir, name: name, inode: st.Ino}, nil
}

// Close ends the listening and removes the socket, unless the name is another
// daemon's by now.
func (l *Listener) Close() error {
	err := l.UnixListener.Close()
	fd, dirErr := openDir(l.dir, false)
	if dirErr != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if lock(fd) == nil && unix.Fstatat(fd, l.name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil && st.Ino == l.inode {
		_ = unix.Unlinkat(fd, l.name, 0)
	}
	return err
}

// removeStale removes what killed daemons left. The lock is held: no socket gets
// its name meanwhile.
func removeStale(fd int, dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if filepath.Ext(e.Name()) != suffix || e.Type() != os.ModeSocket {
			continue
		}
		conn, err := net.DialTimeout("unix", pathIn(fd, e.Name()), dialTimeout)
		if err == nil {
			conn.Close()
		} else if errors.Is(err, unix.ECONNREFUSED) {
			_ = unix.Unlinkat(fd, e.Name(), 0)
		}
	}
}

// Dial connects to the daemon of a mount point.
func Dial(ctx context.Context, dir, mountpoint string) (net.Conn, error) {
	fd, err := openDir(dir, false)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	d := net.Dialer{Timeout: dialTimeout}
	return d.DialContext(ctx, "unix", pathIn(fd, Name(mountpoint)))
}
