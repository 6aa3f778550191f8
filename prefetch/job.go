package prefetch

import (
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
	// begun is closed when the blocks are claimed, or will never be; ended when
	// all is over, after which err holds.
	begun, ended chan struct{}
	err          error

	mu        sync.Mutex // guards what follows
	cancelled bool
	flight    *blockcache.Flight
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

// cancel ends a guess, but for what readers wait for.
func (j *job) cancel() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.cancelled = true
	if j.flight != nil {
		j.flight.Cancel()
	}
}

func (j *job) isCancelled() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.cancelled
}
