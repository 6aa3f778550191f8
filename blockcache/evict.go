package blockcache

import (
	"errors"

	"golang.org/x/sys/unix"
)

// countLocked adds a block to the accounting.
func (d *disk) countLocked(id identity, size, n int64) {
	e := d.index[id]
	if e == nil {
		e = &cached{id: id, size: size}
		d.index[id] = e
		d.order.add(e)
	}
	e.bytes += n
	d.addPresentLocked(n)
}

func (d *disk) addPresentLocked(n int64) {
	d.present += n
	d.c.counts.diskBytes.Store(d.present)
}

// forgetLocked takes a version whose files are gone out of the accounting.
func (d *disk) forgetLocked(id identity) {
	if e := d.index[id]; e != nil {
		delete(d.index, id)
		d.order.remove(e)
		d.addPresentLocked(-e.bytes)
	}
}

// evict frees need bytes or more of the version whose turn it is, and reports
// whether it freed anything. Only writers call it, one at a time; what it frees
// leaves the accounting after it has left the disk, so that the budget holds at
// every moment.
func (d *disk) evict(need int64) bool {
	select {
	case d.token <- struct{}{}:
	case <-d.ctx.Done():
		return false
	}
	defer func() { <-d.token }()
	mu := &d.c.mem.mu
	mu.Lock()
	rounds := d.order.list.Len()
	mu.Unlock()
	for range rounds {
		mu.Lock()
		e := d.order.next()
		if e == nil {
			mu.Unlock()
			return false
		}
		o, need := d.c.objects[e.id], need
		if o == nil && d.inPartsLocked(e, need) {
			o = d.c.newObjectLocked(e.id, e.size)
			need = max(need, e.bytes/16) // its map has to be read for it
		}
		if o == nil {
			freed := d.removeVersionUnlocks(e)
			if freed {
				return true
			}
			continue
		}
		o.users++
		mu.Unlock()
		freed := d.evictBlocks(o, need)
		mu.Lock()
		if freed == 0 && d.index[e.id] == e {
			d.order.postpone(e)
		}
		o.users--
		o.forgetIfUnusedLocked()
		mu.Unlock()
		if freed > 0 {
			return true
		}
	}
	return false
}

// inPartsLocked reports whether a version that nobody has open takes so much of
// the budget that it should not go whole.
func (d *disk) inPartsLocked(e *cached, need int64) bool {
	return !d.noPunch && e.bytes > need && e.bytes > d.c.cfg.Budget/10
}

// removeVersionUnlocks removes the files of a version that nobody has open. Who
// opens it meanwhile waits; see attach.
func (d *disk) removeVersionUnlocks(e *cached) bool {
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
	gone := err == nil || errors.Is(err, unix.ENOENT)
	mu.Lock()
	freed := false
	if gone {
		freed = e.bytes > 0
		d.c.counts.evicted.Add((e.bytes + d.c.blockSize - 1) / d.c.blockSize)
		d.forgetLocked(e.id)
	} else {
		d.order.postpone(e)
	}
	delete(d.busy, e.id)
	close(busy)
	mu.Unlock()
	return freed
}

// evictBlocks frees blocks of an open version, going round it from where it
// ended last: behind a sequential reader, that is first in, first out.
func (d *disk) evictBlocks(o *object, need int64) (freed int64) {
	mu, s := &d.c.mem.mu, &o.store
	h := o.header()
	if !d.loadForEviction(o, 0) {
		return 0
	}
	mu.Lock()
	hand, usable := s.hand, s.state == storeOpen && s.files.writable && !d.noPunch
	mu.Unlock()
	if !usable {
		return 0
	}
	// One page more than there are: the first is looked at from the middle on.
	for range h.pages() + 1 {
		if !d.loadForEviction(o, hand) {
			return freed
		}
		end := min((hand/pageEntries+1)*pageEntries, h.count())
		for hand < end && freed < need {
			mu.Lock()
			first, n := o.victimsLocked(hand, end, need-freed)
			if n > 0 {
				o.clearLocked(first, n)
			}
			mu.Unlock()
			if n > 0 {
				bytes, ok := d.wipe(o, first, n)
				if !ok {
					return freed
				}
				freed += bytes
				d.c.counts.evicted.Add(n)
			}
			hand = first + n
		}
		if hand == h.count() {
			hand = 0
		}
		mu.Lock()
		s.hand = hand
		mu.Unlock()
		if freed >= need {
			return freed
		}
	}
	return freed
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
// freed: readers that are at it find their read void.
func (o *object) clearLocked(first, n int64) {
	s := &o.store
	s.gen++
	s.beginWriteLocked()
	done := make(chan struct{})
	for i := first; i < first+n; i++ {
		s.pages[i/pageEntries].clear(i % pageEntries)
		s.punching[i] = done
		if b := o.blocks[i]; b != nil {
			b.onDisk = false
			b.refileLocked()
		}
	}
}

// wipe frees the space of blocks that clearLocked took, the map's entries first,
// and settles the accounting.
func (d *disk) wipe(o *object, first, n int64) (freed int64, ok bool) {
	mu, s := &d.c.mem.mu, &o.store
	off, end := o.span(first, n)
	// A failure leaves entries whose data is gone: a mismatch after the next
	// start, and no harm.
	_ = d.writeEntries(s.files, first, make([]uint64, n)...)
	err := d.sys.punch(s.files.data, off, end-off)
	mu.Lock()
	defer mu.Unlock()
	s.endWriteLocked()
	close(s.punching[first])
	for i := first; i < first+n; i++ {
		delete(s.punching, i)
	}
	if err != nil {
		if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
			d.noPunch = true
		}
		return 0, false // the space is still taken, and stays counted
	}
	if e := d.index[o.id]; e != nil && first/pageEntries < s.counted {
		e.bytes -= end - off
		d.addPresentLocked(off - end)
	}
	return end - off, true
}

// dropBlock makes one block absent at once, and frees its space behind the back
// of the reader that found it damaged.
func (d *disk) dropBlock(o *object, index int64) {
	mu, s := &d.c.mem.mu, &o.store
	mu.Lock()
	defer mu.Unlock()
	p := s.pages[index/pageEntries]
	if p == nil || p.entries[index%pageEntries] == 0 {
		return
	}
	o.clearLocked(index, 1)
	o.users++
	if !d.spawnLocked(func() { d.wipe(o, index, 1); o.leave() }) {
		o.users-- // at the end: the next start finds it damaged again
	}
}
