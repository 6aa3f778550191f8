package blockcache

import (
	"errors"

	"golang.org/x/sys/unix"
)

// countLocked adds bytes of one unit to the accounting.
func (d *disk) countLocked(id identity, size, block, n int64) {
	e := d.index[id]
	if e == nil {
		e = d.order.version(id, size)
		d.index[id] = e
	}
	delete(d.empty, id)
	e.bytes += n
	d.addPresentLocked(n)
	d.order.Add(e.unit(block), n)
	if _, pinned := d.pins[id]; pinned {
		d.pins[id] = size
		d.order.Park(e.unit(block))
	}
}

// unitLocked returns the unit that a block belongs to, or will.
func (d *disk) unitLocked(o *object, block int64) unit {
	e := d.index[o.id]
	if e == nil {
		e = d.order.version(o.id, o.size)
	}
	return e.unit(block)
}

// discountLocked takes evicted bytes of one unit out of the accounting.
func (d *disk) discountLocked(id identity, block, n int64) {
	e := d.index[id]
	if e == nil {
		return
	}
	e.bytes -= n
	d.addPresentLocked(-n)
	d.order.Evict(e.unit(block), n)
	if e.bytes == 0 {
		d.empty[id] = true
	}
}

func (d *disk) addPresentLocked(n int64) {
	d.present += n
	if n < 0 {
		d.short.freed(-n)
	}
	d.c.counts.diskBytes.Store(d.present)
}

// forgetLocked takes a version whose files are gone out of the accounting.
func (d *disk) forgetLocked(id identity) {
	if e := d.index[id]; e != nil {
		delete(d.index, id)
		delete(d.empty, id)
		d.order.forget(e)
		d.addPresentLocked(-e.bytes)
	}
}

// evict frees need bytes or more of the unit whose turn it is, and reports
// whether it freed anything. One caller at a time; what it frees leaves the
// accounting after it has left the disk, so that the budget holds at every moment.
// The unit that the room is for, if any, is spared as long as there is another.
//
// An error is the disk's, which let go of nothing. After some units it is not asked
// for more: there may be a million, and another million times for the next block.
func (d *disk) evict(need int64, spared unit) (freed bool, err error) {
	select {
	case d.token <- struct{}{}:
	case <-d.ctx.Done():
		return false, nil
	}
	defer func() { <-d.token }()
	d.removeEmpty()
	mu := &d.c.mem.mu
	var tried map[unit]bool
	for failures := 0; failures < tolerated; {
		mu.Lock()
		u, ok := d.order.Victim(func(u unit) bool { return d.order.spares(u, spared) || tried[u] || d.heldLocked(u.id) })
		if !ok && spared != (unit{}) {
			spared = unit{}
			mu.Unlock()
			continue
		}
		if !ok {
			mu.Unlock()
			return false, err
		}
		freed, failed := d.evictUnitUnlocks(u, need)
		if freed {
			return true, nil
		}
		if failed != nil {
			err = failed
			failures++
		}
		if tried == nil {
			tried = map[unit]bool{}
		}
		tried[u] = true
	}
	return false, err
}

// heldLocked reports whether a version must be left alone: it is pinned, or the
// kernel reads its file without asking us, and would read zeros where a hole is
// made. Nor would unlinking that free anything.
func (d *disk) heldLocked(id identity) bool {
	_, pinned := d.pins[id]
	o := d.c.objects[id]
	return pinned || o != nil && o.inKernelLocked()
}

// evictUnitUnlocks frees need bytes or more of a unit, if it can.
func (d *disk) evictUnitUnlocks(u unit, need int64) (bool, error) {
	mu := &d.c.mem.mu
	e, o := d.index[u.id], d.c.objects[u.id]
	need, all := d.order.take(e, u, need, o != nil)
	if all || o == nil && d.noPunch {
		return d.removeVersionUnlocks(e)
	}
	if o == nil {
		o = d.c.newObjectLocked(e.id, e.size)
	}
	o.users++
	mu.Unlock()
	from, to := u.blocks(o.count())
	freed, err := d.evictBlocks(o, from, to, need)
	mu.Lock()
	o.users--
	o.forgetIfUnusedLocked()
	mu.Unlock()
	return freed > 0, err
}

// removeVersionUnlocks removes the files of a version that nobody has open. Who
// opens it meanwhile waits; see attach.
func (d *disk) removeVersionUnlocks(e *cached) (freed bool, err error) {
	mu := &d.c.mem.mu
	busy := make(chan struct{})
	d.busy[e.id] = busy
	mu.Unlock()
	dir, err := d.shard(e.id, false)
	if err == nil {
		_, name := e.id.names()
		err = removePair(dir, name)
		unix.Close(dir)
	}
	if errors.Is(err, unix.ENOENT) {
		err = nil
	}
	mu.Lock()
	if err == nil {
		freed = e.bytes > 0
		d.c.counts.evicted.Add((e.bytes + d.c.blockSize - 1) / d.c.blockSize)
		e.units(func(u unit) { d.order.Evict(u, d.order.Cost(u)) })
		d.forgetLocked(e.id)
	}
	delete(d.busy, e.id)
	close(busy)
	mu.Unlock()
	return freed, err
}

// removeEmpty removes the files of a version of which all was evicted while it
// was open. One call for each eviction is enough: eviction is what makes them.
func (d *disk) removeEmpty() {
	mu := &d.c.mem.mu
	mu.Lock()
	looks := 8 // of those that are still open
	for id := range d.empty {
		if looks--; looks < 0 {
			break
		}
		if e := d.index[id]; d.c.objects[id] == nil && d.busy[id] == nil {
			_, _ = d.removeVersionUnlocks(e) // takes no space
			return
		}
	}
	mu.Unlock()
}

// evictBlocks frees blocks in [from, to) of an open version, going round them from
// where it ended last: behind a sequential reader, that is first in, first out.
func (d *disk) evictBlocks(o *object, from, to, need int64) (freed int64, err error) {
	mu, s := &d.c.mem.mu, &o.store
	if !d.loadForEviction(o, from) {
		return 0, nil
	}
	mu.Lock()
	hand, f := s.hand, s.files
	usable := s.state == storeOpen && f.writable && !d.noPunch
	mu.Unlock()
	if !usable {
		return 0, nil
	}
	if hand < from || hand >= to {
		hand = from
	}
	s.look(mu, f)
	// One page more than there are: the first is looked at from the middle on.
	for range (to-1)/pageEntries - from/pageEntries + 2 {
		if !d.loadForEviction(o, hand) {
			return freed, nil
		}
		end := min((hand/pageEntries+1)*pageEntries, to)
		for hand < end && freed < need {
			mu.Lock()
			if s.files != f || d.heldLocked(o.id) {
				mu.Unlock()
				return freed, nil
			}
			first, n := o.victimsLocked(hand, end, need-freed)
			if n == 0 {
				mu.Unlock()
				hand = first
				continue
			}
			entries := o.clearLocked(first, n)
			mu.Unlock()
			bytes, err := d.wipe(o, f, first, n, entries)
			if bytes == 0 {
				return freed, err
			}
			freed += bytes
			d.c.counts.evicted.Add(n)
			hand = first + n
		}
		if hand == to {
			hand = from
		}
		mu.Lock()
		s.hand = hand
		mu.Unlock()
		if freed >= need {
			return freed, nil
		}
	}
	return freed, nil
}

// loadForEviction loads the page of a block.
func (d *disk) loadForEviction(o *object, index int64) bool {
	select {
	case o.store.control <- struct{}{}:
	case <-d.ctx.Done():
		return false
	}
	defer func() { <-o.store.control }()
	return d.load(o, index) == nil
}

// victimsLocked finds the first run of blocks in [at, end) to evict, of need
// bytes or little more. It spares those in memory that nobody has read yet.
func (o *object) victimsLocked(at, end, need int64) (first, n int64) {
	s := &o.store
	evictable := func(i int64) bool {
		p := s.pages[i/pageEntries]
		b := o.blocks[i]
		return p != nil && p.entries[i%pageEntries] != 0 && (b == nil || !b.loading && b.read > 0)
	}
	first = at
	for first < end && !evictable(first) {
		first++
	}
	for first+n < end && need > 0 && evictable(first+n) {
		need -= o.header().blockLen(first + n)
		n++
	}
	return first, n
}

// clearLocked makes a run of blocks of one page absent, before their space is
// freed: readers that are at it find their read void. It returns their entries.
func (o *object) clearLocked(first, n int64) (entries []uint64) {
	s := &o.store
	s.gen++
	s.beginWriteLocked()
	done := make(chan struct{})
	for i := first; i < first+n; i++ {
		entries = append(entries, s.pages[i/pageEntries].entries[i%pageEntries])
		s.clearEntryLocked(i)
		s.punching[i] = done
		if b := o.blocks[i]; b != nil {
			b.onDisk = false
			b.refileLocked()
		}
	}
	return entries
}

// restoreLocked takes clearLocked back.
func (o *object) restoreLocked(first int64, entries []uint64) {
	s := &o.store
	for i, crc := range entries {
		index := first + int64(i)
		s.pages[index/pageEntries].entries[index%pageEntries] = crc
		s.present++
		if b := o.blocks[index]; b != nil && b.flight == nil && !b.loading {
			b.onDisk = true
			b.refileLocked()
		}
	}
}

// wipe frees the space of blocks that clearLocked took, the map's entries first,
// and settles the accounting. What a failing disk does not let go stays present,
// with the entries it had: a map that says more than there is would be met as
// damage. Without entries, the blocks are no good and go in any case.
func (d *disk) wipe(o *object, f files, first, n int64, entries []uint64) (freed int64, err error) {
	mu, s := &d.c.mem.mu, &o.store
	off, end := o.span(first, n)
	absent := make([]uint64, n)
	err = d.writeEntries(f, first, absent...)
	if err == nil || entries == nil || diskFull(err) {
		late := err != nil
		if err = d.sys.punch(f.data, off, end-off); err != nil && !late && entries != nil {
			_ = d.writeEntries(f, first, entries...) // else a start sees less than there is
		} else if late {
			// ZFS writes a map anew even where it changes, and a full one had no
			// room for that until now. If it fails again, the next reader meets it.
			_ = d.writeEntries(f, first, absent...)
		}
	}
	st := f.statData()
	mu.Lock()
	defer mu.Unlock()
	s.endWriteLocked(st)
	close(s.punching[first])
	for i := first; i < first+n; i++ {
		delete(s.punching, i)
	}
	if s.files != f {
		return 0, nil // condemned meanwhile, and taken off whole
	}
	if err != nil {
		if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
			d.noPunch, err = true, nil // no fault: versions that nobody has open go whole
		}
		if entries == nil && first/pageEntries < s.counted {
			d.discountLocked(o.id, first, end-off) // else it is counted again when it comes back
		}
		o.restoreLocked(first, entries)
		return 0, err // the space is still taken, and stays counted
	}
	if first/pageEntries < s.counted {
		d.discountLocked(o.id, first, end-off)
	}
	return end - off, nil
}

// dropBlock makes one block absent at once, and frees its space behind the back
// of the reader that found it damaged. While the kernel reads from the file, no
// hole may be made in it: then all of it goes, and the kernel keeps what it has.
func (d *disk) dropBlock(o *object, index int64) {
	mu, s := &d.c.mem.mu, &o.store
	mu.Lock()
	defer mu.Unlock()
	p := s.pages[index/pageEntries]
	if p == nil || p.entries[index%pageEntries] == 0 {
		return
	}
	if o.inKernelLocked() {
		s.sealed, s.old = false, nil
		d.condemnLaterLocked(o, s.files)
		return
	}
	o.clearLocked(index, 1)
	f := s.files
	o.users++
	if !d.spawnLocked(func() { _, _ = d.wipe(o, f, index, 1, nil); o.leave() }) {
		o.users-- // at the end: the next start finds it damaged again
	}
}
