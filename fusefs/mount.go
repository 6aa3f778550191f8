package fusefs

import (
	"errors"
	"fmt"
	"os"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// Mount is a mounted tree.
type Mount struct {
	cfg    Config
	at     place
	direct bool // mounted without fusermount3
	tree   *tree
	server *fuse.Server
	done   chan struct{} // closed when nothing runs any more
}

// New mounts the tree on dir, which must be an absolute path, and returns when
// the kernel has answered. It never touches dir beforehand.
func New(dir string, cfg Config) (*Mount, error) {
	if cfg.Catalog == nil || cfg.Open == nil {
		return nil, errors.New("fusefs: no catalog or no reader")
	}
	cfg = cfg.withDefaults()
	t := newTree(cfg)
	before, err := mountIDs()
	if err != nil {
		return nil, err
	}
	m := &Mount{cfg: cfg, tree: t, done: make(chan struct{})}
	if err := m.mount(dir, t); err != nil {
		return nil, err
	}
	t.passthrough.probe(cfg, m.server)
	m.at, err = findMount(dir, cfg.FSName, before)
	t.at, t.stale = m.at, newInvalidator()
	go func() {
		defer close(m.done)
		m.server.Serve()
		t.stale.close()
	}()
	if err != nil {
		// It may have been unmounted again already; nothing can be tuned then.
		m.at = place{path: dir}
		cfg.Logger.Warn("the new mount is not in the mount table", "error", err)
		return m, nil
	}
	if cfg.ReadAheadKB > 0 {
		if err := setReadAhead(m.at, cfg.ReadAheadKB); err != nil {
			cfg.Logger.Warn("the kernel's read-ahead stays as it is: large files read slower", "error", err)
		}
	}
	return m, nil
}

// mount tries mount(2) where wanted, and fusermount3 where that is not allowed.
func (m *Mount) mount(path string, t *tree) error {
	opts := fuseOptions(m.cfg)
	var bridge fuse.RawFileSystem = server{fs.NewNodeFS(t.root, bridgeOptions(m.cfg, opts)), &t.reopens}
	if m.cfg.AllowRoot && !m.cfg.AllowOther {
		bridge = ownerAndRoot{RawFileSystem: bridge, owner: uint32(os.Geteuid())}
	}
	if m.cfg.DirectMount {
		fd, err := mountDirect(path, m.cfg)
		if err == nil {
			m.direct = true
			m.server, err = fuse.NewServer(bridge, fmt.Sprintf("/dev/fd/%d", fd), &opts)
			if err != nil {
				unix.Unmount(path, unix.MNT_DETACH)
				return &os.PathError{Op: "mount", Path: path, Err: err}
			}
			return nil
		}
		if !errors.Is(err, unix.EPERM) {
			return err
		}
	}
	var err error
	if m.server, err = fuse.NewServer(bridge, path, &opts); err != nil {
		return &os.PathError{Op: "mount", Path: path, Err: err}
	}
	return nil
}

// Done is closed when the mount has ended, by Unmount or from outside, and no
// request is under way.
func (m *Mount) Done() <-chan struct{} { return m.done }

// Unmount takes the mount out of the tree, and does nothing if it is out of it already;
// it is EBUSY when files are open or another mount covers it, and the mount goes on. Done
// is not awaited, as it may never come: another mount namespace may have the mount too, and
// a request may hang on a disk. Abort ends the former.
func (m *Mount) Unmount() error { return m.unmount(false) }

// Detach takes the mount out of the tree at once (MNT_DETACH): open files go on
// until they are closed. Otherwise it is as Unmount.
func (m *Mount) Detach() error { return m.unmount(true) }

func (m *Mount) unmount(lazy bool) error {
	select {
	case <-m.done:
		return nil
	default:
	}
	switch there, top, err := m.at.look(); {
	case err != nil:
		return err
	case !there: // somebody may have mounted something else on the directory
		return nil
	case !top:
		return &os.PathError{Op: "umount", Path: m.at.path, Err: unix.EBUSY}
	}
	if !m.direct {
		return fusermountUnmount(m.at.path, lazy)
	}
	flags := unix.UMOUNT_NOFOLLOW
	if lazy {
		flags |= unix.MNT_DETACH
	}
	if err := unix.Unmount(m.at.path, flags); err != nil {
		return &os.PathError{Op: "umount", Path: m.at.path, Err: err}
	}
	return nil
}

// Abort ends the connection: open files get an error, no request hangs. The dead
// mount stays in the tree until it is detached.
func (m *Mount) Abort() error { return abort(m.at) }
