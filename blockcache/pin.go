package blockcache

import (
	"errors"
	"maps"
	"slices"

	"golang.org/x/sys/unix"
)

// pinSuffix names the file beside a version's map, or where that will be, which says that
// the version is pinned. It is as long as the object, and holds nothing.
const pinSuffix = ".pin"

// errNoDisk is pinning where nothing is kept.
var errNoDisk = errors.New("blockcache: nothing is kept on disk, so nothing can be pinned")

// errClosing is pinning while the cache is being closed.
var errClosing = errors.New("blockcache: the cache is being closed")

// Pin keeps the version's blocks, those on disk and those to come, from being
// evicted, until Unpin and over restarts. It fetches nothing. *PinError says that
// all pinned versions together would exceed the budget. It waits for the sweep
// that follows Open, which finds the pins of former times.
func (v *Version) Pin() error {
	o, mu := v.o, &v.o.c.mem.mu
	d := o.c.disk
	if d == nil {
		return errNoDisk
	}
	if err := d.awaitSweep(); err != nil {
		return err
	}
	mu.Lock()
	if _, pinned := d.pins[o.id]; pinned {
		mu.Unlock()
		return nil
	}
	var sum int64
	for _, size := range d.pins {
		sum += size
	}
	if sum+o.size > d.order.budget {
		err := &PinError{o.size, sum, d.order.budget}
		mu.Unlock()
		return err
	}
	d.pinLocked(o.id, o.size)
	mu.Unlock()
	err := d.apart(func() error { return d.writePin(o.id, o.size) })
	if err != nil {
		mu.Lock()
		d.unpinLocked(o.id)
		mu.Unlock()
	}
	return err
}

// Unpin lets the version be evicted again. It waits as Pin does.
func (v *Version) Unpin() error {
	d := v.o.c.disk
	if d == nil {
		return nil
	}
	if err := d.awaitSweep(); err != nil {
		return err
	}
	return d.unpin(v.o.id)
}

// UnpinAll lets all versions be evicted again, also those that no file has any more. It
// waits as Pin does.
func (c *Cache) UnpinAll() error {
	d := c.disk
	if d == nil {
		return nil
	}
	if err := d.awaitSweep(); err != nil {
		return err
	}
	c.mem.mu.Lock()
	pins := slices.Collect(maps.Keys(d.pins))
	c.mem.mu.Unlock()
	var errs []error
	for _, id := range pins {
		errs = append(errs, d.unpin(id))
	}
	return errors.Join(errs...)
}

func (d *disk) unpin(id identity) error {
	if err := d.apart(func() error { return d.removePin(id) }); err != nil {
		return err
	}
	mu := &d.c.mem.mu
	mu.Lock()
	defer mu.Unlock()
	d.unpinLocked(id)
	return nil
}

// awaitSweep waits until the pins of former times are known.
func (d *disk) awaitSweep() error {
	select {
	case <-d.swept:
		return nil
	case <-d.ctx.Done():
		return errClosing
	}
}

// Pinned reports whether the version is pinned. Of pins of former times it knows
// once the sweep that follows Open has found them.
func (v *Version) Pinned() bool {
	d, mu := v.o.c.disk, &v.o.c.mem.mu
	if d == nil {
		return false
	}
	mu.Lock()
	defer mu.Unlock()
	_, pinned := d.pins[v.o.id]
	return pinned
}

// apart calls fn in a goroutine of the disk's, whose end Close waits for, so that
// a caller of a hung disk is free once the cache is closed.
func (d *disk) apart(fn func() error) error {
	done := make(chan error, 1)
	d.c.mem.mu.Lock()
	started := d.spawnLocked(func() { done <- fn() })
	d.c.mem.mu.Unlock()
	if !started {
		return errClosing
	}
	select {
	case err := <-done:
		return err
	case <-d.ctx.Done():
		return errClosing
	}
}

// pinLocked takes a version out of the eviction order.
func (d *disk) pinLocked(id identity, size int64) {
	d.pins[id] = size
	if e := d.index[id]; e != nil {
		e.units(d.order.Park)
	}
}

func (d *disk) unpinLocked(id identity) {
	delete(d.pins, id)
	if e := d.index[id]; e != nil {
		e.units(d.order.Unpark)
	}
	d.wakeTend()
}

// writePin makes the pin's file, for good: unlike blocks, pins are not to be got
// anywhere else. A directory's fsync brings no map ahead of its data.
func (d *disk) writePin(id identity, size int64) error {
	dir, err := d.shard(id, true)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	_, name := id.names()
	if err := removeName(dir, name+pinSuffix); err != nil {
		return err
	}
	fd, err := createFile(dir, name+pinSuffix, size)
	if err != nil {
		return err
	}
	unix.Close(fd)
	return unix.Fsync(dir)
}

func (d *disk) removePin(id identity) error {
	dir, err := d.shard(id, false)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	_, name := id.names()
	if err := removeName(dir, name+pinSuffix); err != nil {
		return err
	}
	return unix.Fsync(dir)
}

// sweepPin finds a pin, or removes what is none. There may be none of its version's blocks
// yet, or no longer.
func (d *disk) sweepPin(dir int, id identity) error {
	_, name := id.names()
	var st unix.Stat_t
	err := unix.Fstatat(dir, name+pinSuffix, &st, unix.AT_SYMLINK_NOFOLLOW)
	if err != nil || !plain(&st) {
		return removeName(dir, name+pinSuffix)
	}
	d.c.mem.mu.Lock()
	defer d.c.mem.mu.Unlock()
	size := st.Size
	if e := d.index[id]; e != nil {
		size = e.size // who changes files may have changed that
	}
	d.pinLocked(id, size)
	return nil
}
