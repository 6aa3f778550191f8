package blockcache

import (
	"context"
	"time"

	"golang.org/x/sys/unix"
)

// rangeRead is one read of a part of a verified block. It runs in a goroutine
// of its own with a buffer of its own, because a reader that gives up must not
// leave its scratch to a system call that hangs.
type rangeRead struct {
	o            *object
	index, lo, n int64
	gen, writes  uint64
	fd           int
	st           unix.Stat_t
	scrap        *[]byte
}

func (r *rangeRead) run(ctx context.Context, scratch []byte) (Chunk, error) {
	o, d, mu := r.o, r.o.c.disk, &r.o.c.mem.mu
	timer := time.NewTimer(readTimeout)
	defer timer.Stop()
	done := make(chan error, 1)
	select {
	case d.slots <- struct{}{}:
	case <-ctx.Done():
		return Chunk{}, ctx.Err()
	case <-timer.C:
		return Chunk{}, d.gaveUp()
	}
	r.scrap = d.scraps.Get().(*[]byte)
	mu.Lock()
	o.users++
	started := d.spawnLocked(func() {
		err := d.sys.readFull(r.fd, (*r.scrap)[:r.n], r.index*o.c.blockSize+r.lo)
		if err == nil {
			err = unix.Fstat(r.fd, &r.st)
		}
		<-d.slots
		done <- err
		o.leave()
	})
	if !started {
		o.users--
		<-d.slots
	}
	mu.Unlock()
	if !started {
		return Chunk{}, ErrMiss
	}
	select {
	case err := <-done:
		return r.finish(scratch, err)
	case <-ctx.Done():
		return Chunk{}, ctx.Err()
	case <-timer.C:
		return Chunk{}, d.gaveUp()
	}
}

func (r *rangeRead) finish(scratch []byte, err error) (Chunk, error) {
	o, d, mu := r.o, r.o.c.disk, &r.o.c.mem.mu
	defer d.scraps.Put(r.scrap)
	mu.Lock()
	void := o.store.gen != r.gen || // perhaps read while it was being punched out
		err == nil && o.store.noticeLocked(&r.st, r.writes)
	mu.Unlock()
	if void {
		return Chunk{}, errAgain
	}
	if err != nil {
		d.blockUnreadable(o, r.index, err)
		return Chunk{}, errAgain
	}
	d.readSucceeded()
	copy(scratch[:r.n], *r.scrap)
	d.c.counts.diskHits.Add(r.n)
	return Chunk{Data: scratch[:r.n:r.n]}, nil
}
