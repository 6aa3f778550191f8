package prefetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/zs3fs/zs3fs/blockcache"
	"github.com/zs3fs/zs3fs/s3backend"
)

// stallAfter is what a reader may wait without having been kept waiting: longer
// than a block takes from the page cache or ARC (0.2 ms), shorter than the
// shortest way to a server.
const stallAfter = time.Millisecond

// ErrUnneeded says that a read of the kernel's pages is not worth a request: its reader will
// most likely not come to what is missing. Should he, the kernel asks again.
var ErrUnneeded = errors.New("prefetch: nobody is expected to need these pages")

var errClosed = fmt.Errorf("prefetch: reader: %w", fs.ErrClosed)

// Reader reads one version of one object, ahead of its user where he reads in
// order. What it sees of a version it shares with its other readers. All methods
// may be called concurrently.
type Reader struct {
	*file
	obj    s3backend.Object
	handle handle // guarded by file.mu
	// running is the reads under way, and overlaps how many began beside others.
	running, overlaps atomic.Int64
	// party is whose turn its guesses wait for: that of the directory in which it
	// is fetched ahead; nil is its own.
	party any
	// failed is told when a guess has failed; nil where nobody wants to know.
	failed func(error)
	closed atomic.Bool
}

var _ io.ReaderAt = (*Reader)(nil)

// Object returns the version.
func (r *Reader) Object() s3backend.Object { return r.obj }

// Version returns the cache's view of it, which stays the reader's, and is shared.
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
	return r.read(ctx, scratch, off, false)
}

// ReadPages is Read for the kernel, where it fills its page cache ahead of its own
// reader: it may be ErrUnneeded, but never twice in a row for the same bytes. To that the kernel
// fails no read: its pages stay without bytes, and should somebody come to them, it asks for
// each one by itself, which is no stride (Linux, mm/filemap.c: filemap_update_page,
// page_not_uptodate in filemap_fault).
func (r *Reader) ReadPages(ctx context.Context, scratch []byte, off int64) (Result, error) {
	return r.read(ctx, scratch, off, true)
}

func (r *Reader) read(ctx context.Context, scratch []byte, off int64, pages bool) (Result, error) {
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
	if r.running.Add(1) > 1 {
		r.overlaps.Add(1)
	}
	defer r.running.Add(-1)
	began := time.Now()
	p := r.look(began, off, n, pages)
	g := gathering{reader: r, want: p.want, doubt: p.doubt}
	res, err := g.gather(ctx, scratch[:n], off)
	if p.learn && err == nil {
		r.learn()
	}
	if !p.doubt && time.Since(began) > stallAfter {
		r.mu.Lock()
		r.detector.stalled(p)
		r.mu.Unlock()
	}
	return res, err
}

// join counts the reader as one who reads, before its first read.
func (r *Reader) join() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.detector.take(&r.handle)
}

// foreseeHead returns what to fetch of n blocks of a file that nobody reads.
func (r *Reader) foreseeHead(n int64) []span {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.detector.foreseeHead(n)
}

// Close cancels what was asked for ahead of this reader, but for what another
// reader of the version needs: he would ask for the same bytes again. Reads that
// still run end on their own.
func (r *Reader) Close() error {
	if r.closed.Swap(true) {
		return nil
	}
	r.mu.Lock()
	if r.detector.columns.begun {
		r.tell()
	}
	drop := r.detector.close(&r.handle)
	now := time.Now()
	r.crew.sharers.take(r.file, r.detector.asking(now), now)
	r.mu.Unlock()
	if last := r.crew.files.leave(r.file); last {
		r.crew.drop(r, everything)
		r.crew.drop(r.guesser, everything)
		for _, s := range drop {
			r.version.Forget(s.first, s.n)
		}
	} else {
		r.crew.dropQueued(r)
		r.drop(drop)
	}
	r.release()
	return nil
}

// look shows a read to the detector and sees to what it says.
func (r *Reader) look(now time.Time, off, n int64, pages bool) plan {
	r.mu.Lock()
	if r.closed.Load() {
		r.mu.Unlock()
		return plan{want: r.detector.limits.cover(off, off+n)}
	}
	r.handle.overlaps, r.handle.pages = r.overlaps.Load(), pages
	r.detector.others = r.crew.sharers.others(r.file, now)
	p := r.detector.read(now, &r.handle, off, n, r.room)
	r.crew.sharers.take(r.file, r.detector.asking(now), now)
	if p.begun {
		r.tell()
	}
	r.mu.Unlock()
	r.drop(p.drop)
	if len(p.ahead) > 0 {
		r.crew.guess(r.guesser, off/r.block, p.ahead)
		if r.closed.Load() { // Close may have been before the guesses
			r.mu.Lock()
			drop := r.detector.unneeded(p.ahead)
			r.mu.Unlock()
			r.drop(drop)
		}
	}
	return p
}

// guessFailed is told that a guess of which it is the owner has failed.
func (r *Reader) guessFailed(err error) {
	r.pause()
	if r != r.guesser { // of which pause has seen to it
		r.crew.dropQueued(r)
	}
	if r.failed != nil {
		r.failed(err)
	}
	r.crew.cfg.Logger.Debug("reading ahead failed", "key", r.obj.Key, "err", err)
}

// turn returns what readers whose guesses take turns together have in common.
func (r *Reader) turn() any {
	if r.party != nil {
		return r.party
	}
	return r
}
