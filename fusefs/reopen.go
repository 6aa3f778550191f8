package fusefs

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/zs3fs/zs3fs/s3backend/catalog"
)

// reopens remembers which threads' opens were just answered with ESTALE. The
// kernel walks the path and opens once more, within the same open(2), and gives up
// when that is ESTALE too. The second lookup finds what the first open's question
// has told, or newer, so that its version was current during the call and need
// not be asked for again: else an object that is overwritten faster than one can
// ask about it could not be opened at all.
type reopens struct {
	mu      sync.Mutex // guards threads
	threads map[uint32]reopen
}

// reopen is an open that was answered with ESTALE.
type reopen struct {
	path string
	// found is the generation that the second lookup has found, 0 before. What the
	// kernel opens without a lookup of its own may be older.
	found uint64
	at    time.Time
}

// over reports whether its open(2) must have ended by now.
func (r reopen) over() bool { return time.Since(r.at) >= reopenTTL }

const (
	// A thread that was killed in between leaves its entry, and its number to
	// another: no open(2) takes as long as its requests may all take.
	reopenTTL = time.Minute
	// Entries are forgotten together when so many were left: it costs an ESTALE.
	maxReopens = 1024
)

// failed notes that the caller's open is being answered with ESTALE, which begins a
// second try, or ends it.
func (r *reopens) failed(ctx context.Context, path string) {
	thread := callerThread(ctx)
	if thread == 0 {
		return // the caller is in another pid namespace
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if first, ok := r.threads[thread]; ok && first.path == path && !first.over() {
		delete(r.threads, thread)
		return
	}
	if r.threads == nil || len(r.threads) >= maxReopens {
		r.threads = make(map[uint32]reopen)
	}
	r.threads[thread] = reopen{path: path, at: time.Now()}
}

// looked notes what the caller's lookup of a name has told.
func (r *reopens) looked(ctx context.Context, path string, n catalog.Node, err error) {
	thread := callerThread(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	first, ok := r.threads[thread]
	switch {
	case !ok || errors.Is(err, context.Canceled): // by a signal: it is made once more
	case err != nil: // and so the open(2) fails
		delete(r.threads, thread)
	case first.path != path && n.Dir: // on the way
	case first.path != path || n.Dir: // what is no directory on the way, or no file at its end
		delete(r.threads, thread)
	default:
		first.found = generationOf(n.Object)
		r.threads[thread] = first
	}
}

// second reports whether the caller's open of a version is the second try of one that
// failed. It says so until end, since an open that a signal interrupts is made once
// more.
func (r *reopens) second(ctx context.Context, path string, generation uint64) bool {
	thread := callerThread(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	first, ok := r.threads[thread]
	return ok && first.path == path && first.found == generation && !first.over()
}

// end notes that the caller's open(2) has its answer, which is not ESTALE.
func (r *reopens) end(ctx context.Context) {
	thread := callerThread(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.threads, thread)
}

// callerThread returns the thread that the kernel's request is for, 0 if unknown.
func callerThread(ctx context.Context) uint32 {
	if caller, ok := fuse.FromContext(ctx); ok {
		return caller.Pid // which is the thread's own number
	}
	return 0
}
