package blockcache

import (
	"errors"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// rehome makes the mount's directory anew when somebody has removed it, as who
// clears a cache by hand does: else nothing would be cached until the next mount.
// It reports whether it did. Versions that are open keep their files, which are
// nameless now.
func (d *disk) rehome() bool {
	select {
	case d.token <- struct{}{}: // nobody evicts meanwhile
	case <-d.ctx.Done():
		return false
	}
	defer func() { <-d.token }()
	fresh, err := d.home.successor(d.c.cfg)
	if err != nil {
		d.log.Warn("the cache directory was removed and cannot be made anew", "dir", d.home.path, "err", err)
	}
	if fresh == nil {
		return false
	}
	defer func() { fresh.close() }()
	if !d.onZFS {
		fresh.begin()
	}
	mu := &d.c.mem.mu
	mu.Lock()
	defer mu.Unlock()
	// Others use the directory's number just now, so it stays the same. The lock's
	// is only closed.
	if d.stopping || unix.Dup3(fresh.fd, d.home.fd, unix.O_CLOEXEC) != nil {
		return false
	}
	d.home.lock, fresh.lock = fresh.lock, d.home.lock
	for id := range d.pins {
		d.unpinLocked(id)
	}
	for id := range d.index {
		if d.c.objects[id] == nil {
			d.forgetLocked(id)
		}
	}
	return true
}

// successor opens a new directory in h's place; nil when h is not removed.
func (h *home) successor(cfg Config) (*home, error) {
	var st unix.Stat_t
	if err := unix.Fstat(h.fd, &st); err != nil || st.Nlink > 0 {
		return nil, err
	}
	// A dataset that is no longer mounted leaves an empty directory of another
	// file system, which is not ours to fill.
	if !onDevice(cfg.Dir, st.Dev) {
		return nil, errors.New("blockcache: another file system is in its place")
	}
	fresh, err := openHome(cfg)
	if err != nil {
		return nil, err
	}
	// Of what another process may have left there meanwhile nothing is counted.
	if err := removeName(fresh.fd, objectsName); err != nil {
		fresh.close()
		return nil, err
	}
	return fresh, nil
}

// onDevice reports whether path, or what exists of it, is on a device.
func onDevice(path string, device uint64) bool {
	for {
		var st unix.Stat_t
		err := unix.Stat(path, &st)
		parent := filepath.Dir(path)
		switch {
		case err == nil:
			return st.Dev == device
		case !errors.Is(err, unix.ENOENT) || parent == path:
			return false
		}
		path = parent
	}
}
