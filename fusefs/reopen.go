package fusefs

import (
	"context"
	"sync"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
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
	path  string
	stale uint64 // generation that was not current any more
	at    time.Time
}

const (
	// A thread that was killed in between leaves its entry, and its number to
	// another: no open(2) takes as long as its requests may all take.
	reopenTTL = time.Minute
	// Entries are forgotten together when so many were left: it costs an ESTALE.
	maxReopens = 1024
)

// begin notes that the caller's open of a version is being answered with ESTALE.
func (r *reopens) begin(ctx context.Context, path string, stale uint64) {
	thread := callerThread(ctx)
	if thread == 0 {
		return // the caller is in another pid namespace
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.threads == nil || len(r.threads) >= maxReopens {
		r.threads = make(map[uint32]reopen)
	}
	r.threads[thread] = reopen{path, stale, time.Now()}
}

// end reports whether the caller's open of a version is the second try of one that
// begin noted.
func (r *reopens) end(ctx context.Context, path string, generation uint64) bool {
	thread := callerThread(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	first, ok := r.threads[thread]
	delete(r.threads, thread)
	return ok && first.path == path && first.stale != generation && time.Since(first.at) < reopenTTL
}

// callerThread returns the thread that the kernel's request is for, 0 if unknown.
func callerThread(ctx context.Context) uint32 {
	if caller, ok := fuse.FromContext(ctx); ok {
		return caller.Pid // which is the thread's own number
	}
	return 0
}
