package blockcache

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/zs3fs/zs3fs/s3backend"
)

// ErrMiss says that the wanted block is neither on disk, in memory nor in
// flight (any more): claim it, and read again.
var ErrMiss = errors.New("blockcache: miss")

var (
	// errOutside is a caller's mistake: an offset outside the object, or n < 1.
	errOutside = errors.New("blockcache: read outside the object")
	// errNotInMemory and errAgain never leave the package. Again: the block's
	// place changed in the meantime; look once more.
	errNotInMemory = errors.New("blockcache: not in memory")
	errAgain       = errors.New("blockcache: look again")
)

// Version is a counted handle of one version of one object. All methods may be
// called concurrently; none but Close after Close.
type Version struct {
	o      *object
	obj    s3backend.Object
	pass   pass         // guarded by Memory.mu
	at     atomic.Int64 // of pass, and one more
	closed bool         // guarded by Memory.mu
}

// arrive tells the eviction order that a reader or a fetch for it comes to a
// block.
func (v *Version) arrive(block int64) {
	at := block/segmentBlocks + 1
	if v.pass.segments < 2 || v.at.Load() == at {
		return
	}
	d, mu := v.o.c.disk, &v.o.c.mem.mu
	mu.Lock()
	defer mu.Unlock()
	v.at.Store(at)
	if v.pass.enter(at - 1) {
		d.order.passed(d.index[v.o.id], at-1)
	}
}

// Object returns the version this is.
func (v *Version) Object() s3backend.Object { return v.obj }

// BlockSize returns the cache's block size in bytes.
func (v *Version) BlockSize() int64 { return v.o.c.blockSize }

// Cached returns how many of the version's blocks are on disk. It may read the
// version's map.
func (v *Version) Cached() (present, total int64) {
	o, mu := v.o, &v.o.c.mem.mu
	total = o.count()
	for i := int64(0); i < total; {
		mu.Lock()
		_, known := o.onDiskLocked(i)
		for end := min(i+pageEntries, total); known && i < end; i++ {
			if there, _ := o.onDiskLocked(i); there {
				present++
			}
		}
		mu.Unlock()
		if !known {
			_ = o.loadPresence(context.Background(), i) // fails with its context only
		}
	}
	return present, total
}

// Missing finds the first run of blocks in [first, first+n) that are neither on
// disk, in memory nor in flight. count is 0 when there is none. It may read a
// page of the version's map.
func (v *Version) Missing(first, n int64) (at, count int64) {
	v.o.withPresence(first, n, func(from, to int64) { at, count = from, to-from })
	return at, count
}

// Claim makes the first missing run in [first, first+n) a flight, and returns
// nil when there is none. From now on readers of these blocks wait for the
// flight, and nobody else can claim them. The caller must call Run, once.
// demand says that a reader waits already: see [Flight.Cancel] and [Memory].
func (v *Version) Claim(first, n int64, demand bool) *Flight {
	var f *Flight
	for from, to := v.o.clip(first, n); from < to; from = (from/segmentBlocks + 1) * segmentBlocks {
		v.arrive(from)
	}
	v.o.withPresence(first, n, func(from, to int64) {
		if from < to && !v.o.final {
			f = v.o.launchLocked(from, to, demand)
		}
	})
	return f
}

// Read returns bytes from off on, all of one block: up to the end of that block,
// n bytes at most, and at least one; off < Size. Bytes in memory or in flight
// are handed out where they lie, without a copy, as soon as they (not the whole
// block) have arrived; bytes on disk are read into scratch, which must hold n
// bytes and stays the caller's. It waits for a flight, honours ctx at once, and
// returns ErrMiss when there is nothing to wait for or when a flight that nobody
// demanded ended early. Another error is that of the flight waited for, or
// ErrDisproved.
func (v *Version) Read(ctx context.Context, scratch []byte, off int64, n int) (Chunk, error) {
	o := v.o
	if off < 0 || off >= o.size || n <= 0 {
		return Chunk{}, errOutside
	}
	index := off / o.c.blockSize
	v.arrive(index)
	base, end := o.span(index, 1)
	lo, hi := off-base, min(off+int64(n), end)-base
	for {
		if err := ctx.Err(); err != nil {
			return Chunk{}, err
		}
		chunk, w, err := o.readMemory(index, lo, hi)
		if w != nil {
			chunk, err = o.wait(ctx, w)
		}
		if err == errNotInMemory {
			chunk, err = o.readDisk(ctx, scratch, index, lo, hi)
		}
		if err != errAgain {
			return chunk, err
		}
	}
}

// Forget says that blocks in [first, first+n) that were fetched on a guess are
// not expected to be read any more, so that their memory can be used first.
func (v *Version) Forget(first, n int64) {
	o := v.o
	o.c.mem.mu.Lock()
	defer o.c.mem.mu.Unlock()
	from, to := o.clip(first, n)
	if to-from > int64(len(o.blocks)) {
		for i, b := range o.blocks {
			if from <= i && i < to {
				b.forgetLocked()
			}
		}
	} else {
		for i := from; i < to; i++ {
			if b := o.blocks[i]; b != nil {
				b.forgetLocked()
			}
		}
	}
	o.c.mem.grantLocked()
}

// Close gives the handle back; again is harmless. With a version's last handle
// the blocks that were kept in memory go, read or not; what waits for the disk is
// still written.
func (v *Version) Close() {
	o, m := v.o, v.o.c.mem
	m.mu.Lock()
	defer m.mu.Unlock()
	if v.closed {
		return
	}
	v.closed = true
	o.handles--
	o.users--
	m.open--
	if o.handles == 0 {
		o.dropKeptLocked()
	}
	m.trimLocked()
	o.forgetIfUnusedLocked()
}

// Chunk is a read-only view of a block's bytes.
type Chunk struct {
	// Data must not be changed, and not be touched after Release.
	Data    []byte
	release func()
}

// Release gives the buffer back; exactly once.
func (c Chunk) Release() {
	if c.release != nil {
		c.release()
	}
}
