package blockcache

import "container/list"

// block is a block in flight or in memory. Guarded by Memory.mu, but for the
// bytes of data below filled, which never change as long as it is pinned.
type block struct {
	o     *object
	index int64
	size  int64 // of this block; less than the block size at the object's end

	flight   *Flight // while in flight from the source
	loading  bool    // while being read from the disk
	fromDisk bool    // for the count of hits
	data     []byte  // nil until the first byte is about to arrive
	filled   int64   // the fill mark: so many bytes have arrived

	pins      int  // chunks, the flight that fills it, the disk's queue
	gone      bool // left the object's map: recycled with the last pin
	onDisk    bool
	queued    bool // for the disk
	forgotten bool
	read      int64 // bytes handed out
	offered   int64 // of these, when it was offered to the disk

	shelf   *shelf // where it is kept while nobody pins it
	place   *list.Element
	waiters []*waiter
}

// waiter is one reader that waits for bytes [lo, hi) of a block.
type waiter struct {
	b      *block
	lo, hi int64
	done   chan struct{} // closed once one of the following is set
	pinned bool          // the bytes are there, and the block is pinned for them
	err    error
}

// arrivedLocked raises the fill mark and answers those whose bytes are there.
// They get the block pinned, so that nobody can take it before they run.
func (b *block) arrivedLocked(filled int64) {
	b.filled = filled
	rest := b.waiters[:0]
	for _, w := range b.waiters {
		if w.hi > filled {
			rest = append(rest, w)
			continue
		}
		b.pinLocked()
		w.pinned = true
		close(w.done)
	}
	clear(b.waiters[len(rest):])
	b.waiters = rest
}

// awaitLocked adds a reader of bytes [lo, hi).
func (b *block) awaitLocked(lo, hi int64) *waiter {
	w := &waiter{b: b, lo: lo, hi: hi, done: make(chan struct{})}
	b.waiters = append(b.waiters, w)
	return w
}

// failLocked takes the block out of the map, then tells those who wait.
func (b *block) failLocked(err error) {
	b.leaveLocked()
	for _, w := range b.waiters {
		w.err = err
		close(w.done)
	}
	b.waiters = nil
}

// leaveLocked takes the block out of its object's map.
func (b *block) leaveLocked() {
	if !b.gone {
		b.gone = true
		delete(b.o.blocks, b.index)
		b.o.forgetIfUnusedLocked()
	}
}

func (b *block) pinLocked() {
	b.unshelveLocked()
	b.pins++
}

// unpinLocked gives a pin back and serves who waits for memory.
func (b *block) unpinLocked() {
	b.dropPinLocked()
	b.o.c.mem.grantLocked()
}

// dropPinLocked gives a pin back; the last one keeps or recycles the buffer. It
// serves nobody: making room for a request comes here, too.
func (b *block) dropPinLocked() {
	b.pins--
	if b.pins > 0 {
		return
	}
	if !b.gone && b.o.handles == 0 {
		b.leaveLocked() // nobody is left to keep it for
	}
	if b.gone {
		if b.data != nil {
			b.o.c.mem.recycleLocked(b.data)
			b.data = nil
		}
		return
	}
	b.shelveLocked()
}

// shelveLocked puts an unpinned block on the shelf of its class.
func (b *block) shelveLocked() {
	b.shelf = &b.o.c.mem.kept[b.class()]
	b.shelf.bytes += b.size
	b.place = b.shelf.blocks.PushBack(b)
}

func (b *block) unshelveLocked() {
	if b.shelf != nil {
		b.shelf.blocks.Remove(b.place)
		b.shelf.bytes -= b.size
		b.shelf, b.place = nil, nil
	}
}

// class decides how little the block will be missed.
func (b *block) class() class {
	done := b.forgotten || b.read >= b.size
	switch {
	case done && b.onDisk:
		return readOnDisk
	case done:
		return readOnly
	case b.onDisk:
		return unreadOnDisk
	case b.read > 0:
		return touched
	}
	return unread
}

// chunkLocked hands out bytes [lo, hi) of a pinned block.
func (b *block) chunkLocked(lo, hi int64) Chunk {
	b.read += hi - lo
	if b.fromDisk {
		b.o.c.counts.diskHits.Add(hi - lo)
	} else {
		b.o.c.counts.memoryHits.Add(hi - lo)
	}
	b.offerAgainLocked()
	return Chunk{Data: b.data[lo:hi:hi], release: b.unpin}
}

func (b *block) unpin() {
	mu := &b.o.c.mem.mu
	mu.Lock()
	defer mu.Unlock()
	b.unpinLocked()
}

// forgetLocked files the block as one that nobody will read.
func (b *block) forgetLocked() {
	if len(b.waiters) > 0 {
		return
	}
	b.forgotten = true
	b.refileLocked()
}

// refileLocked moves a kept block to the shelf of its present class.
func (b *block) refileLocked() {
	if b.shelf != nil {
		b.unshelveLocked()
		b.shelveLocked()
	}
}
