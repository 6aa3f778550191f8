package prefetch

import (
	"context"
	"sync"

	"github.com/zs3fs/zs3fs/blockcache"
)

// job is a request to be made, at most a request's size of one version. Its
// blocks are claimed only when it has a connection: while it waits, anybody else
// may fetch them.
type job struct {
	owner  *Reader
	span   span
	demand bool
	// A job of size bytes, from off on, fetches them for one read and claims nothing.
	// Any other has size 0.
	size, off int64
	// begun is closed when the blocks are claimed, or will never be; ended when
	// all is over, after which err holds.
	begun, ended chan struct{}
	err          error
	bytes        []byte // as err

	mu        sync.Mutex // guards what follows
	cancelled bool
	flight    *blockcache.Flight
	stop      context.CancelFunc // of the fetch of bytes, while it runs
}

func newJob(owner *Reader, s span, demand bool) *job {
	return &job{owner: owner, span: s, demand: demand,
		begun: make(chan struct{}), ended: make(chan struct{})}
}

// begin says that the blocks are claimed. Only the job's goroutine calls it.
func (j *job) begin() {
	select {
	case <-j.begun:
	default:
		close(j.begun)
	}
}

// finish says that the job is over.
func (j *job) finish(err error) {
	j.err = err
	j.begin()
	close(j.ended)
}

// hold tells the job of its flight, for cancel.
func (j *job) hold(f *blockcache.Flight) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.flight = f
	if j.cancelled && f != nil {
		f.Cancel()
	}
}

// fetchBytes fetches what no other read waits for.
func (j *job) fetchBytes(ctx context.Context, src blockcache.Source) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	j.mu.Lock()
	j.stop = stop
	if j.cancelled {
		stop()
	}
	j.mu.Unlock()
	j.begin()
	j.bytes = make([]byte, j.size) // not before there is a connection, which bounds them
	return j.owner.version.Fetch(ctx, src, j.bytes, j.off)
}

// cancel ends a guess, but for what readers wait for, and a fetch of bytes.
func (j *job) cancel() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.cancelled = true
	if j.flight != nil {
		j.flight.Cancel()
	}
	if j.stop != nil {
		j.stop()
	}
}

func (j *job) isCancelled() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.cancelled
}
