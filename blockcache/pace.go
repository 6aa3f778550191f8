package blockcache

import (
	"context"
	"time"
)

// paceLimit is how long a guess waits before a block while more than half of the
// disk's queue is taken. Without it, a cold read that has both processors busy
// outruns the writers, and a quarter of what was fetched is not cached (measured:
// 27 % of 1 GiB at load 6). A disk of 600 MB/s lets 24 guessing connections on
// every 40 ms; one that is slower than 240 MB/s is not waited for, but for one
// such moment each time its queue has been drained to the half.
const paceLimit = 100 * time.Millisecond

// pace holds a guess back while the disk is behind, and never one that a reader
// waits for.
func (f *Flight) pace(ctx context.Context) error {
	d := f.o.c.disk
	if d == nil {
		return nil
	}
	mu := &f.o.c.mem.mu
	mu.Lock()
	if f.demandedLocked() || !d.queue.behindLocked() {
		mu.Unlock()
		return nil
	}
	caught, hurry := d.queue.caughtUpLocked(), make(chan struct{})
	f.hurry = hurry
	mu.Unlock()
	timer := time.NewTimer(paceLimit)
	defer timer.Stop()
	var err error
	late := false
	select {
	case <-caught:
	case <-hurry:
	case <-timer.C:
		late = true
	case <-ctx.Done():
		err = ctx.Err()
	}
	mu.Lock()
	defer mu.Unlock()
	f.hurry = nil
	if late && d.queue.behindLocked() {
		d.queue.impatient = true
	}
	return err
}

// behindLocked reports whether guesses should give the disk a moment.
func (q *writeQueue) behindLocked() bool {
	return !q.impatient && !q.closed && q.waiting+q.writing > q.limit/2
}

// caughtUpLocked returns a channel that is closed when that is over.
func (q *writeQueue) caughtUpLocked() <-chan struct{} {
	if q.caught == nil {
		q.caught = make(chan struct{})
	}
	return q.caught
}

// progressLocked is told that the queue has become shorter.
func (q *writeQueue) progressLocked() {
	if q.waiting+q.writing > q.limit/2 && !q.closed {
		return
	}
	q.impatient = false
	if q.caught != nil {
		close(q.caught)
		q.caught = nil
	}
}
