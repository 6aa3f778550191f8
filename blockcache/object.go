package blockcache

import (
	"context"
	"slices"

	"github.com/zs3fs/zs3fs/s3backend"
)

// object is what all handles of one version share. Its fields are guarded by
// Memory.mu but for the constant first three.
type object struct {
	c    *Cache
	id   identity
	size int64

	blocks  map[int64]*block // in flight or in memory
	handles int              // open versions
	users   int              // handles, flights, and those busy with its files
	store   store

	obj      *s3backend.Object   // as it is best known; nil when only eviction knows it
	checksum *s3backend.Checksum // of the whole, once the server has told
	final    bool                // disproved for good; see ErrDisproved
	watchers map[any]func(Event)
}

// count returns the number of blocks.
func (o *object) count() int64 { return (o.size + o.c.blockSize - 1) / o.c.blockSize }

// span returns the bytes of n blocks from first on.
func (o *object) span(first, n int64) (off, end int64) {
	return first * o.c.blockSize, min((first+n)*o.c.blockSize, o.size)
}

// clip returns the blocks of [first, first+n) that exist, as [from, to).
func (o *object) clip(first, n int64) (from, to int64) {
	from = max(first, 0)
	total := o.count()
	if n > total-from {
		return from, total
	}
	return from, max(first+n, from)
}

// newBlockLocked puts an empty block into the map.
func (o *object) newBlockLocked(index int64) *block {
	off, end := o.span(index, 1)
	b := &block{o: o, index: index, size: end - off}
	o.blocks[index] = b
	return b
}

// dropKeptLocked gives up the blocks that were kept for readers.
func (o *object) dropKeptLocked() {
	m := o.c.mem
	for _, b := range o.blocks {
		if b.shelf != nil {
			b.unshelveLocked()
			b.leaveLocked()
			m.recycleLocked(b.data)
			b.data = nil
		}
	}
	m.grantLocked()
}

// forgetIfUnusedLocked takes the object out of the cache's map once nothing
// refers to it.
func (o *object) forgetIfUnusedLocked() {
	if o.users == 0 && len(o.blocks) == 0 && o.c.objects[o.id] == o {
		delete(o.c.objects, o.id)
		o.releaseFilesLocked()
	}
}

// withPresence calls fn, under Memory.mu, with the first run [from, to) of
// missing blocks in [first, first+n); empty when there is none. It reads the
// pages of the map that it needs before.
func (o *object) withPresence(first, n int64, fn func(from, to int64)) {
	mu := &o.c.mem.mu
	for {
		mu.Lock()
		from, to, known := o.missingLocked(o.clip(first, n))
		if known {
			fn(from, to)
			mu.Unlock()
			return
		}
		mu.Unlock()
		_ = o.loadPresence(context.Background(), from) // fails with its context only
	}
}

// missingLocked finds the first missing run in [at, end). When known is false
// it cannot say before the map's page of block from has been read.
func (o *object) missingLocked(at, end int64) (from, to int64, known bool) {
	for from = at; from < end; from++ {
		if missing, known := o.absentLocked(from); !known {
			return from, from, false
		} else if missing {
			break
		}
	}
	for to = from; to < end; to++ {
		if missing, known := o.absentLocked(to); !known {
			return to, to, false
		} else if !missing {
			break
		}
	}
	return from, to, true
}

// absentLocked reports whether a block is nowhere.
func (o *object) absentLocked(index int64) (absent, known bool) {
	if o.blocks[index] != nil {
		return false, true
	}
	present, known := o.onDiskLocked(index)
	return !present, known
}

// launchLocked makes blocks [from, to), all missing, a flight.
func (o *object) launchLocked(from, to int64, demand bool) *Flight {
	f := &Flight{o: o, obj: *o.obj, first: from, n: to - from, guess: !demand, next: from, end: to}
	if demand {
		f.wanted = to
	}
	for i := from; i < to; i++ {
		o.newBlockLocked(i).flight = f
	}
	o.users++
	return f
}

// readMemory returns bytes [lo, hi) of a block in memory, or a waiter when they
// are about to arrive there.
func (o *object) readMemory(index, lo, hi int64) (Chunk, *waiter, error) {
	mu := &o.c.mem.mu
	mu.Lock()
	defer mu.Unlock()
	if o.final {
		return Chunk{}, nil, ErrDisproved
	}
	b := o.blocks[index]
	if b == nil {
		return Chunk{}, nil, errNotInMemory
	}
	if b.filled >= hi {
		b.pinLocked()
		return b.chunkLocked(lo, hi), nil, nil
	}
	w := b.awaitLocked(lo, hi)
	if b.flight != nil {
		b.flight.wantLocked(index + 1)
	}
	return Chunk{}, w, nil
}

// wait waits until the bytes are there, their flight has ended or ctx has.
func (o *object) wait(ctx context.Context, w *waiter) (Chunk, error) {
	select {
	case <-w.done:
	case <-ctx.Done():
	}
	mu := &o.c.mem.mu
	mu.Lock()
	defer mu.Unlock()
	switch {
	case w.err != nil:
		return Chunk{}, w.err
	case w.pinned:
		return w.b.chunkLocked(w.lo, w.hi), nil
	}
	w.b.waiters = slices.DeleteFunc(w.b.waiters, func(x *waiter) bool { return x == w })
	if f := w.b.flight; f != nil && f.cancelled {
		f.trimLocked()
	}
	return Chunk{}, ctx.Err()
}

// leave ends a use of the object.
func (o *object) leave() {
	mu := &o.c.mem.mu
	mu.Lock()
	defer mu.Unlock()
	o.users--
	o.forgetIfUnusedLocked()
}
