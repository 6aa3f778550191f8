package blockcache

import (
	"context"
	"errors"
	"io"
	"runtime"

	"github.com/zs3fs/zs3fs/s3backend"
)

// Flight is one request on its way: a run of claimed blocks of one version.
type Flight struct {
	o        *object
	obj      s3backend.Object
	first, n int64
	guess    bool // claimed as one; stays true after Demand

	// Guarded by Memory.mu.
	next      int64 // the block that arrives now or next
	end       int64 // the flight goes up to here: first+n, or less after Cancel
	wanted    int64 // blocks below this are a demand
	cancelled bool
	request   *request           // while it waits for a buffer
	hurry     chan struct{}      // while it waits for the disk; see pace
	filling   *block             // pinned: the source writes into its buffer
	stop      context.CancelFunc // while it runs
}

// errAbandoned is what readers get when Run is left by a panic or Goexit.
var errAbandoned = errors.New("blockcache: flight abandoned")

// Range returns the first block and the number of blocks.
func (f *Flight) Range() (first, n int64) { return f.first, f.n }

// Run opens the run at src with one request, fills its blocks one after another
// and wakes their readers as bytes arrive; each whole block is queued for the
// disk. It returns when the last block has arrived, the source has failed, or
// ctx or Cancel ended it, then with context.Canceled. The blocks that did not
// arrive leave the map before anybody learns of the end, so that a newcomer
// never joins a dead flight; readers that waited for one that failed on demand
// get the error, the others, and those of a guess that ctx ended, ErrMiss.
func (f *Flight) Run(ctx context.Context, src Source) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if f.guess {
		ctx = s3backend.AsGuess(ctx, f.Waited)
	}
	err := errAbandoned
	// Deferred, so that no reader is left waiting when the source panics.
	defer func() { f.land(ctx, err) }()
	if !f.start(cancel) {
		err = context.Canceled
		return err
	}
	err = f.fetch(ctx, src)
	return err
}

// start reports whether there is anything to fetch.
func (f *Flight) start(cancel context.CancelFunc) bool {
	mu := &f.o.c.mem.mu
	mu.Lock()
	defer mu.Unlock()
	f.stop = cancel
	return f.next < f.end
}

func (f *Flight) fetch(ctx context.Context, src Source) error {
	o := f.o
	o.c.counts.requests.Add(1)
	off, end := o.span(f.first, f.n)
	body, err := src.Open(ctx, f.obj, off, end-off)
	if err != nil {
		return err
	}
	defer body.Close()
	f.learn(body)
	for {
		b := f.nextBlock()
		if b == nil {
			break
		}
		if err := f.pace(ctx); err != nil {
			return err
		}
		data, err := o.c.mem.acquire(ctx, b.size, f)
		if err != nil {
			return err
		}
		f.startBlock(b, data)
		if err := f.fill(b, data, body); err != nil {
			return err
		}
		f.finishBlock(b)
	}
	if f.next < f.first+f.n {
		return context.Canceled
	}
	return nil
}

// learn keeps the version id, by which later flights go on after the object was
// replaced, and the checksum that came with the whole object.
func (f *Flight) learn(body io.Reader) {
	id, sum, summed := "", s3backend.Checksum{}, false
	if b, ok := body.(s3backend.VersionedBody); ok {
		id = b.VersionID()
	}
	if b, ok := body.(s3backend.ChecksummedBody); ok {
		sum, summed = b.Checksum()
	}
	mu := &f.o.c.mem.mu
	mu.Lock()
	defer mu.Unlock()
	if id != "" && id != f.o.obj.VersionID {
		obj := *f.o.obj // shared with provers
		obj.VersionID = id
		f.o.obj = &obj
	}
	if summed {
		f.o.checksum = &sum
	}
}

// nextBlock returns the block to fill next, nil when there is none (any more).
func (f *Flight) nextBlock() *block {
	mu := &f.o.c.mem.mu
	mu.Lock()
	defer mu.Unlock()
	if f.next >= f.end {
		return nil
	}
	return f.o.blocks[f.next]
}

func (f *Flight) startBlock(b *block, data []byte) {
	mu := &f.o.c.mem.mu
	mu.Lock()
	defer mu.Unlock()
	b.data = data
	b.pinLocked()
	f.filling = b
}

// fill reads a block straight into its buffer and raises the fill mark after
// every read.
func (f *Flight) fill(b *block, data []byte, body io.Reader) error {
	const maxEmpty = 100 // reads without a byte or an error; as bufio
	mu := &f.o.c.mem.mu
	filled, empty := 0, 0
	for filled < len(data) {
		n, err := body.Read(data[filled:])
		if n > 0 {
			filled += n
			empty = 0
			f.o.c.counts.fetched.Add(int64(n))
			mu.Lock()
			b.arrivedLocked(int64(filled))
			mu.Unlock()
			// Where more comes than the processors can take in, every flight could go on
			// at once, and Go looks at what comes from system calls, as the kernel's
			// reads do, behind 60 of them: reads of what lay in memory waited for up to
			// 43 ms when the window opened, and up to 17 this way (2 processors).
			runtime.Gosched()
		} else if empty++; empty == maxEmpty && err == nil {
			err = io.ErrNoProgress
		}
		switch {
		case filled == len(data) || err == nil:
		case err == io.EOF:
			return io.ErrUnexpectedEOF
		default:
			return err
		}
	}
	return nil
}

// finishBlock leaves a whole block to the disk's queue and to the readers.
func (f *Flight) finishBlock(b *block) {
	mu := &f.o.c.mem.mu
	mu.Lock()
	defer mu.Unlock()
	f.filling = nil
	b.flight = nil
	f.next++
	f.o.c.keepLocked(b)
	b.unpinLocked()
}

// land ends the flight: what did not arrive leaves the map.
func (f *Flight) land(ctx context.Context, err error) {
	mu := &f.o.c.mem.mu
	mu.Lock()
	defer mu.Unlock()
	if f.wanted <= f.next || f.guess && ctx.Err() != nil {
		err = ErrMiss
	}
	f.dropLocked(f.next, f.end, err)
	f.end = f.next
	if f.filling != nil {
		f.filling.unpinLocked()
		f.filling = nil
	}
	f.o.users--
	f.o.forgetIfUnusedLocked()
}

// dropLocked takes blocks [from, to) out of the map and gives err to their
// readers. All leave first: who is told of one finds none of the others. The
// buffer that the source may be writing into stays pinned until Run is done.
func (f *Flight) dropLocked(from, to int64, err error) {
	var gone []*block
	for i := from; i < to; i++ {
		if b := f.o.blocks[i]; b != nil && b.flight == f {
			b.leaveLocked()
			gone = append(gone, b)
		}
	}
	for _, b := range gone {
		b.flight = nil
		b.failLocked(err)
	}
}

// Demand turns a guess into a demand, as when a reader is about to wait for it.
// (Version.Read does so itself.)
func (f *Flight) Demand() {
	mu := &f.o.c.mem.mu
	mu.Lock()
	defer mu.Unlock()
	f.wantLocked(f.end)
}

// Waited reports whether a reader waits for what arrives next, or for a block after
// it.
func (f *Flight) Waited() bool {
	mu := &f.o.c.mem.mu
	mu.Lock()
	defer mu.Unlock()
	return f.demandedLocked()
}

// wantLocked makes the blocks below end a demand.
func (f *Flight) wantLocked(end int64) {
	f.wanted = max(f.wanted, end)
	if f.hurry != nil && f.demandedLocked() {
		close(f.hurry)
		f.hurry = nil
	}
	if f.request != nil && f.demandedLocked() {
		f.o.c.mem.promoteLocked(f.request)
	}
}

// demandedLocked reports whether the block that arrives next must come for one
// that a reader waits for.
func (f *Flight) demandedLocked() bool { return f.next < f.wanted }

// Cancel ends a flight that was a guess and for which no reader waits; a flight
// with a waiting reader goes on up to the last block waited for. A flight that
// was claimed on demand brings its first block in any case.
func (f *Flight) Cancel() {
	mu := &f.o.c.mem.mu
	mu.Lock()
	defer mu.Unlock()
	f.cancelled = true
	f.trimLocked()
}

// trimLocked shortens a cancelled flight to what readers wait for. A block of which
// the last byte has arrived is one more, though Run has not finished it yet: its reader
// may be the one who cancels, as soon as he has that byte.
func (f *Flight) trimLocked() {
	end := f.next
	for i := f.next; i < f.end; i++ {
		b := f.o.blocks[i]
		if len(b.waiters) > 0 || b.filled == b.size || i == f.first && !f.guess {
			end = i + 1
		}
	}
	f.dropLocked(end, f.end, ErrMiss)
	f.end = end
	f.wanted = min(f.wanted, end)
	if f.next == f.end && f.stop != nil {
		f.stop()
	}
}
