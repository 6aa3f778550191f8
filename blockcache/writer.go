package blockcache

import (
	"errors"
	"math"

	"github.com/minio/crc64nvme"
)

// writer writes jobs until the disk is closed.
func (d *disk) writer() {
	select {
	case <-d.swept: // before, nobody knows how much there is
	case <-d.ctx.Done():
		return
	}
	mu, q := &d.c.mem.mu, d.queue
	for d.ctx.Err() == nil {
		mu.Lock()
		b := q.takeLocked()
		if b != nil {
			q.writing += b.size
			q.wake() // another writer may go on
		}
		mu.Unlock()
		if b == nil {
			select {
			case <-q.ready:
				continue
			case <-d.ctx.Done():
				return
			}
		}
		err := d.write(b)
		switch {
		case err == nil:
			d.writeSucceeded()
		case errors.Is(err, errNotCached):
			d.c.counts.dropped.Add(1)
		default:
			d.writeFailed(err)
		}
		mu.Lock()
		q.writing -= b.size
		q.releaseLocked(b)
		d.c.mem.grantLocked()
		q.idleLocked()
		q.progressLocked()
		mu.Unlock()
	}
}

// errNotCached says that a block found no place, without the disk's fault.
var errNotCached = errors.New("blockcache: no room")

// write puts a block on disk: the data, then its map entry. Each is one aligned
// pwrite, so that on ZFS a crash leaves either no entry or a whole block.
func (d *disk) write(b *block) error {
	o, mu, s := b.o, &d.c.mem.mu, &b.o.store
	crc := crc64nvme.Checksum(b.data)
	if crc == 0 {
		return errNotCached
	}
	if err := d.prepare(o, b.index); err != nil {
		return err
	}
	if !d.awaitPunch(s, b.index) {
		return errNotCached
	}
	i := b.index % pageEntries
	mu.Lock()
	p, f := s.pages[b.index/pageEntries], s.files
	switch {
	case p == nil || !f.writable || b.gone: // another may be on its way in its place
		mu.Unlock()
		return errNotCached
	case p.entries[i] != 0:
		b.onDisk = true
		mu.Unlock()
		return nil
	}
	u := d.unitLocked(o, b.index)
	mu.Unlock()
	if err := d.reserve(b.size, u); err != nil {
		return err
	}
	s.look(mu, f)
	mu.Lock()
	s.beginWriteLocked()
	mu.Unlock()
	err := d.sys.writeFull(f.data, b.data, b.index*d.c.blockSize)
	if err == nil {
		err = d.writeEntries(f, b.index, crc)
	}
	if err != nil {
		// What was written in part must not stay uncounted. It may fail, too:
		// then the sweep of the next start finds it.
		_ = d.sys.punch(f.data, b.index*d.c.blockSize, b.size)
	}
	st := f.statData()
	mu.Lock()
	s.endWriteLocked(st)
	d.pending -= b.size
	switch {
	case err != nil:
	case s.files != f:
		err = errNotCached // condemned meanwhile: what was written has no name
	default:
		s.setEntryLocked(b.index, crc)
		d.verifiedLocked(s, b.index)
		b.onDisk, d.dirty = true, true
		d.countLocked(o.id, o.size, b.index, b.size)
		if s.damaged[b.index] {
			delete(s.damaged, b.index)
			d.c.counts.healed.Add(1)
		}
		d.finishLocked(o)
	}
	mu.Unlock()
	if err != nil {
		return err
	}
	d.c.counts.written.Add(b.size)
	d.noteWrite()
	return nil
}

// awaitPunch waits until the space of a block's former self has been freed: it
// would be freed with it. The block cannot be freed again before it is written.
func (d *disk) awaitPunch(s *store, index int64) bool {
	d.c.mem.mu.Lock()
	done := s.punching[index]
	d.c.mem.mu.Unlock()
	if done == nil {
		return true
	}
	select {
	case <-done:
		return true
	case <-d.ctx.Done():
		return false
	}
}

// prepare makes the files of an object and loads the page of a block.
func (d *disk) prepare(o *object, index int64) error {
	mu, s := &d.c.mem.mu, &o.store
	select {
	case s.control <- struct{}{}:
	case <-d.ctx.Done():
		return errNotCached
	}
	defer func() { <-s.control }()
	if err := d.load(o, index); err != nil {
		return err
	}
	mu.Lock()
	state := s.state
	mu.Unlock()
	if state == storeOpen {
		return nil
	}
	f, err := d.createFiles(o.header())
	if err != nil {
		return err
	}
	mu.Lock()
	d.forgetLocked(o.id) // what lay there and could not be removed before
	s.state, s.files, s.counted = storeOpen, f, math.MaxInt64
	s.pages, s.fresh = map[int64]*page{}, true
	s.present, s.verified, s.sealed, s.old, s.proof = 0, 0, false, nil, Unproved
	mu.Unlock()
	return d.load(o, index)
}

// writeEntries writes the map entries of consecutive blocks.
func (d *disk) writeEntries(f files, first int64, entries ...uint64) error {
	return d.sys.writeFull(f.entries, encodeEntries(entries), entriesOffset+first*entrySize)
}
