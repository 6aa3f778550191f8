package blockcache

import "time"

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

	caught    chan struct{} // see pace; nil when no guess waits
	impatient bool          // a guess has waited in vain
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
	b.queued, b.offered = true, b.read
	b.o.users++
	q.jobs = append(q.jobs, b)
	q.waiting += b.size
	q.wake()
}

// offerAgainLocked offers a block in memory once more that found no place on the
// disk, each time that as much as all of it has been read: a handle that stays
// open, or a kernel that keeps the pages, would else keep it from being cached.
func (b *block) offerAgainLocked() {
	if b.onDisk || b.queued || b.gone || b.flight != nil || b.loading || b.read-b.offered < b.size {
		return
	}
	b.offered = b.read
	b.o.c.keepLocked(b)
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
	q.idleLocked()
	q.progressLocked()
	return true
}

// releaseLocked ends the disk's interest in a block. It serves nobody who waits
// for memory, because it is called on behalf of one of them, too.
func (q *writeQueue) releaseLocked(b *block) {
	o := b.o
	b.queued = false
	b.dropPinLocked()
	o.users--
	o.forgetIfUnusedLocked()
}

// drain waits until all is written, at most for a time, and closes the queue.
func (q *writeQueue) drain(limit time.Duration) {
	m := q.d.c.mem
	m.mu.Lock()
	q.closed = true
	q.progressLocked()
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
	m.grantLocked()
	for i, other := range m.queues {
		if other == q {
			m.queues = append(m.queues[:i:i], m.queues[i+1:]...)
			break
		}
	}
}
