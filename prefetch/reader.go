package prefetch

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zs3fs/zs3fs/blockcache"
	"github.com/zs3fs/zs3fs/s3backend"
)

// stallAfter is what a reader may wait without having been kept waiting: longer
// than a block takes from the page cache or ARC (0.2 ms), shorter than the
// shortest way to a server.
const stallAfter = time.Millisecond

var errClosed = fmt.Errorf("prefetch: reader: %w", fs.ErrClosed)

// Reader reads one version of one object, ahead of its user where he reads in
// order. All methods may be called concurrently.
type Reader struct {
	crew    *Crew
	version *blockcache.Version
	block   int64
	// party is whose turn its guesses wait for: that of the directory in which it
	// is fetched ahead; nil is its own.
	party any
	// failed is told when a guess has failed; nil where nobody wants to know.
	failed func(error)
	closed atomic.Bool
	// users are the reads and jobs under way, and one until Close: the last one
	// closes the version.
	users atomic.Int64

	mu       sync.Mutex // guards detector; never held across I/O
	detector detector
}

var _ io.ReaderAt = (*Reader)(nil)

func newReader(c *Crew, v *blockcache.Version) *Reader {
	r := &Reader{crew: c, version: v, block: v.BlockSize()}
	r.detector.limits = newLimits(v.Object().Size, r.block, c.cfg.RequestSize, c.cfg.MaxWindow)
	r.users.Store(1)
	return r
}

// Object returns the version.
func (r *Reader) Object() s3backend.Object { return r.version.Object() }

// Version returns the cache's view of it, which stays the reader's.
func (r *Reader) Version() *blockcache.Version { return r.version }

// ReadAt is io.ReaderAt.
func (r *Reader) ReadAt(p []byte, off int64) (int, error) {
	done := 0
	for done < len(p) {
		// In steps, so that a read of a gigabyte does not take all memory.
		step := p[done:min(len(p), done+int(r.detector.limits.request*r.block))]
		res, err := r.Read(context.Background(), step, off+int64(done))
		if err != nil {
			return done, err
		}
		n := 0
		for _, s := range res.Slices {
			place(step[n:], s)
			n += len(s)
		}
		res.Release()
		done += n
		if n < len(step) {
			return done, io.EOF
		}
	}
	return done, nil
}

// Read returns the len(scratch) bytes from off on, or those up to the end of the
// object: never fewer, else an error. Bytes in memory are not copied, where they
// lie in one block; scratch serves for the others and must not be used for
// anything else until the result is released. ctx ends this read and not the
// fetch it waits for. A negative off is fs.ErrInvalid, and after Close comes
// fs.ErrClosed.
func (r *Reader) Read(ctx context.Context, scratch []byte, off int64) (Result, error) {
	if off < 0 {
		return Result{}, fmt.Errorf("prefetch: read at %d: %w", off, fs.ErrInvalid)
	}
	n := min(int64(len(scratch)), r.detector.limits.size-off)
	if n <= 0 {
		return Result{}, nil
	}
	if r.closed.Load() || !r.acquire() {
		return Result{}, errClosed
	}
	defer r.release()
	began := time.Now()
	p := r.look(began, off, n)
	g := gathering{reader: r, want: p.want}
	res, err := g.gather(ctx, scratch[:n], off)
	if p.stream != 0 && time.Since(began) > stallAfter {
		r.mu.Lock()
		r.detector.stalled(p.stream)
		r.mu.Unlock()
	}
	return res, err
}

// Close cancels this reader's guesses. Reads that still run end on their own. What
// is on its way goes on when the object is open elsewhere: whoever reads it there
// would ask for the same bytes again.
func (r *Reader) Close() error {
	if r.closed.Swap(true) {
		return nil
	}
	r.mu.Lock()
	drop := r.detector.end()
	r.mu.Unlock()
	if r.version.Shared() {
		r.crew.dropQueued(r)
	} else {
		r.crew.drop(r, everything)
		for _, s := range drop {
			r.version.Forget(s.first, s.n)
		}
	}
	r.release()
	return nil
}

// look shows a read to the detector and sees to what it says.
func (r *Reader) look(now time.Time, off, n int64) plan {
	r.mu.Lock()
	p := r.detector.read(now, off, n, r.room)
	r.mu.Unlock()
	for _, s := range p.drop {
		r.crew.drop(r, s)
		r.version.Forget(s.first, s.n)
	}
	if len(p.ahead) > 0 {
		r.crew.guess(r, off/r.block, p.ahead)
		if r.closed.Load() { // Close may have been before the guesses
			r.crew.drop(r, everything)
		}
	}
	return p
}

// room returns how many blocks a guess could have now without waiting.
func (r *Reader) room() int64 { return r.crew.cfg.Memory.Room() / r.block }

// guessFailed stops guessing until a demand has succeeded, so that a server that
// fails is not asked by everybody at once.
func (r *Reader) guessFailed(err error) {
	r.mu.Lock()
	r.detector.pause()
	r.mu.Unlock()
	r.crew.dropQueued(r)
	if r.failed != nil {
		r.failed(err)
	}
	r.crew.cfg.Logger.Debug("reading ahead failed", "key", r.Object().Key, "err", err)
}

func (r *Reader) demandSucceeded() {
	r.mu.Lock()
	r.detector.resume()
	r.mu.Unlock()
}

// turn returns what readers whose guesses take turns together have in common.
func (r *Reader) turn() any {
	if r.party != nil {
		return r.party
	}
	return r
}

// acquire keeps the version open until release; it fails when it is closed.
func (r *Reader) acquire() bool {
	for {
		n := r.users.Load()
		if n == 0 {
			return false
		}
		if r.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (r *Reader) release() {
	if r.users.Add(-1) == 0 {
		r.version.Close()
	}
}
