package s3backend

import (
	"slices"
	"sync"
)

// recent is the last values of a figure. Methods may be called concurrently.
type recent struct {
	mu     sync.Mutex // guards the fields below
	values [32]int64
	n      int // added so far
}

func (r *recent) add(v int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.values[r.n%len(r.values)] = v
	r.n++
}

// median returns 0 as long as there are too few values to say.
func (r *recent) median() int64 {
	const enough = 8
	r.mu.Lock()
	values, n := r.values, min(r.n, len(r.values))
	r.mu.Unlock()
	if n < enough {
		return 0
	}
	slices.Sort(values[:n])
	return values[n/2]
}
