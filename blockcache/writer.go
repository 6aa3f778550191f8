package blockcache

import (
	"errors"
	"math"
	"time"

	"github.com/minio/crc64nvme"
	"golang.org/x/sys/unix"
)

// writeQueue is the whole blocks that wait for the disk. It is bounded in bytes;
// a block that finds it full is not cached. Guarded by Memory.mu.
type writeQueue struct {
	d       *disk
	limit   int64
	jobs    []*block // the oldest first; each pinned, each a user of its object
	waiting int64    // bytes in jobs
	writing int64    // bytes that writers have in hand
	closed  bool
	ready   chan struct{} // one token: there may be jobs
	idle    chan struct{} // set while draining: closed when all is written
}

func (q *writeQueue) waitingLocked() int64 { return q.waiting }

// keepLocked offers a whole block that just arrived to the disk.
func (c *Cache) keepLocked(b *block) {
	d := c.disk
	if d == nil {
		return
	}
	if present, known := b.o.onDiskLocked(b.index); present && known {
		b.onDisk = true
		return
	}
	q := d.queue
	if q.closed || q.waiting+q.writing+b.size > q.limit || d.writing.pause > 0 && !d.writing.admit(time.Now()) {
		c.counts.dropped.Add(1)
		return
	}
	b.pinLocked()
	b.o.users++
	q.jobs = append(q.jobs, b)
	q.waiting += b.size
	q.wake()
}

func (q *writeQueue) wake() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// takeLocked takes the oldest job off the queue.
func (q *writeQueue) takeLocked() *block {
	if len(q.jobs) == 0 {
		return nil
	}
	b := q.jobs[0]
	q.jobs[0] = nil
	q.jobs = q.jobs[1:]
	q.waiting -= b.size
	return b
}

// stealLocked gives up the disk's claim on the oldest block, for a demand that
// finds no other memory.
func (q *writeQueue) stealLocked() bool {
	b := q.takeLocked()
	if b == nil {
		return false
	}
	q.d.c.counts.dropped.Add(1)
	q.releaseLocked(b)
	return true
}

// releaseLocked ends the disk's interest in a block.
func (q *writeQueue) releaseLocked(b *block) {
	o := b.o
	b.unpinLocked()
	o.users--
	o.forgetIfUnusedLocked()
}

// drain waits until all is written, at most for a time, and closes the queue.
func (q *writeQueue) drain(limit time.Duration) {
	m := q.d.c.mem
	m.mu.Lock()
	q.closed = true
	idle := make(chan struct{})
	q.idle = idle
	q.idleLocked()
	m.mu.Unlock()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-idle:
	case <-timer.C:
	}
}

func (q *writeQueue) idleLocked() {
	if q.idle != nil && q.waiting+q.writing == 0 {
		close(q.idle)
		q.idle = nil
	}
}

// detach gives back what was not written.
func (q *writeQueue) detach() {
	m := q.d.c.mem
	m.mu.Lock()
	defer m.mu.Unlock()
	for q.stealLocked() {
	}
	for i, other := range m.queues {
		if other == q {
			m.queues = append(m.queues[:i:i], m.queues[i+1:]...)
			break
		}
	}
}

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
		q.idleLocked()
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
	case p == nil || !f.writable:
		mu.Unlock()
		return errNotCached
	case p.entries[i] != 0:
		b.onDisk = true
		mu.Unlock()
		return nil
	}
	mu.Unlock()
	if !d.reserve(b.size) {
		return errNotCached
	}
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
	mu.Lock()
	s.endWriteLocked()
	d.pending -= b.size
	if err == nil {
		p.entries[i] = crc
		p.verify(i)
		b.onDisk = true
		d.countLocked(o.id, o.size, b.size)
	}
	mu.Unlock()
	if err != nil {
		return err
	}
	d.c.counts.written.Add(b.size)
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
	s.state, s.files, s.counted = storeOpen, f, math.MaxInt64
	s.pages, s.fresh = map[int64]*page{}, true
	mu.Unlock()
	return d.load(o, index)
}

// writeEntries writes the map entries of consecutive blocks.
func (d *disk) writeEntries(f files, first int64, entries ...uint64) error {
	return d.sys.writeFull(f.entries, encodeEntries(entries), headerSize+first*entrySize)
}

// reserve makes room for n bytes within the budget, evicting where needed.
func (d *disk) reserve(n int64) bool {
	mu := &d.c.mem.mu
	if n > d.c.cfg.Budget || d.freeShortage(n) {
		return false
	}
	for {
		mu.Lock()
		over := d.present + d.pending + n - d.c.cfg.Budget
		if over <= 0 {
			d.pending += n
			mu.Unlock()
			return true
		}
		mu.Unlock()
		if !d.evict(over) {
			return false
		}
	}
}

// freeCheck is how often the file system is asked for its free space.
const freeCheck = time.Second

// freeShortage reports whether writing n bytes would leave less free space than
// is meant for others. Then as much as is missing is evicted instead, but not
// more: freed space may show late, on ZFS after several seconds.
func (d *disk) freeShortage(n int64) bool {
	if d.c.cfg.MinFree <= 0 {
		return false
	}
	mu := &d.c.mem.mu
	mu.Lock()
	due := time.Since(d.freeChecked) >= freeCheck
	if due {
		d.freeChecked = time.Now()
	}
	mu.Unlock()
	if due {
		free, err := d.sys.free(d.home.fd)
		if err != nil {
			free = 0
		}
		mu.Lock()
		d.freeLeft = free - d.c.cfg.MinFree
		d.freeDebt = min(-d.freeLeft, d.present)
		mu.Unlock()
	}
	mu.Lock()
	short := d.freeLeft < n
	evict := short && d.freeDebt > 0
	if evict {
		d.freeDebt -= n
	}
	if !short {
		d.freeLeft -= n
	}
	mu.Unlock()
	if evict {
		d.evict(n)
	}
	return short
}

// makeWay evicts a little when the file system is full: it is shared, and its
// free space may be needed by others before ours.
func (d *disk) makeWay() {
	mu := &d.c.mem.mu
	mu.Lock()
	n := max(d.c.blockSize, d.present/64)
	mu.Unlock()
	for n > 0 {
		mu.Lock()
		before := d.present
		mu.Unlock()
		if !d.evict(n) {
			return
		}
		mu.Lock()
		n -= before - d.present
		mu.Unlock()
	}
}

// diskFull reports whether err means that there is no space.
func diskFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }
