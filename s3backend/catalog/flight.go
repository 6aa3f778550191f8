package catalog

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// grace is how long a caller still waits after its context has ended. Any signal
// ends it, Go's own preemption included, and stat(2) and open(2) returning EINTR
// is what few programs expect; most questions take a tenth of this. A killed
// process waits no longer than it either.
const grace = 500 * time.Millisecond

// flights lets concurrent questions share one answer. A flight runs under the
// catalog's context and not under a caller's: a caller whose context ends leaves
// alone, and finds the flight still under way when it asks again. So a storm of
// signals cannot keep a slow question from ever being answered.
type flights[T any] struct {
	mu sync.Mutex // guards m
	m  map[flightKey]*flight[T]
}

// flightKey holds the epoch, so that nobody joins a question that was asked
// before a Forget.
type flightKey struct {
	epoch uint64
	path  string
}

type flight[T any] struct {
	done chan struct{} // closed after val and err are set
	val  T
	err  error
}

// do returns the answer of the running flight for key, or of a new one.
func (f *flights[T]) do(ctx context.Context, c *Catalog, key flightKey, ask func(context.Context) (T, error)) (T, error) {
	f.mu.Lock()
	fl := f.m[key]
	if fl == nil {
		if err := c.begin(); err != nil {
			f.mu.Unlock()
			var zero T
			return zero, err
		}
		fl = &flight[T]{done: make(chan struct{})}
		if f.m == nil {
			f.m = make(map[flightKey]*flight[T])
		}
		f.m[key] = fl
		go func() {
			defer c.end()
			fl.val, fl.err = guarded(c, func() (T, error) { return ask(c.ctx) })
			f.mu.Lock()
			delete(f.m, key)
			f.mu.Unlock()
			close(fl.done)
		}()
	}
	f.mu.Unlock()
	if err := patiently(ctx, fl.done); err != nil {
		var zero T
		return zero, err
	}
	return fl.val, fl.err
}

// guarded makes a panic an error: it must neither end a mount that others read
// from nor leave a waiter hanging.
func guarded[T any](c *Catalog, ask func() (T, error)) (val T, err error) {
	defer func() {
		if p := recover(); p != nil {
			c.cfg.Logger.Error("panic in a question", "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("catalog: panic: %v", p)
		}
	}()
	return ask()
}
