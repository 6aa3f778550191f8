package s3backend

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

const (
	minGap = 50 * time.Millisecond
	maxGap = 2 * time.Second
	// guessGap is the widest gap that guesses put up with. One refusal now and then
	// does not make it wider; many in a row do.
	guessGap = 2 * minGap
)

// pacer holds back all calls of a client when the server throttles. S3 says
// SlowDown to a prefix, not to a request: if each request only backed off by
// itself, the others would keep the storm up.
//
// While gap is zero requests start freely. A throttled answer puts a gap between
// the starts of requests, each further one doubles it (to one request in 2 s), a
// good answer halves it. So the rate grows and shrinks by factors, and the gap
// only widens when more than half of the answers are refusals.
type pacer struct {
	mu      sync.Mutex // guards the fields below
	gap     time.Duration
	changed time.Time // when gap was last widened
	last    time.Time // start of the last request let through

	gate    chan struct{} // held by the one caller that waits out the gap
	waiting atomic.Int32  // callers that want the gate, or have it
}

func newPacer() *pacer { return &pacer{gate: make(chan struct{}, 1)} }

// wait returns when the caller may send, or the context's error. Guesses come after
// all demands, and give up, with errHeldBack, while the gap is wide.
func (p *pacer) wait(ctx context.Context) error {
	if err := p.giveWay(ctx); err != nil {
		return err
	}
	if p.delay() == 0 {
		return ctx.Err()
	}
	p.waiting.Add(1)
	defer p.waiting.Add(-1)
	select {
	case p.gate <- struct{}{}:
		defer func() { <-p.gate }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		// Asked again after each wait: answers that came meanwhile change it.
		d := p.delay()
		if d == 0 {
			return ctx.Err()
		}
		if err := sleep(ctx, d); err != nil {
			return err
		}
	}
}

// giveWay returns when it is the caller's turn: at once, but for guesses.
func (p *pacer) giveWay(ctx context.Context) error {
	for {
		gap := p.width()
		switch {
		case gap == 0 || urgent(ctx):
			return nil
		case gap > guessGap:
			return errHeldBack
		case p.waiting.Load() == 0:
			return nil
		}
		if err := sleep(ctx, gap); err != nil {
			return err
		}
	}
}

// free reports whether requests start freely.
func (p *pacer) free() bool { return p.width() == 0 }

func (p *pacer) width() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gap
}

// delay returns how long to wait still, and notes a start when that is zero.
func (p *pacer) delay() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if p.gap > 0 {
		if d := p.gap - now.Sub(p.last); d > 0 {
			return d
		}
	}
	p.last = now
	return 0
}

// report tells the outcome of a request that started at start.
func (p *pacer) report(throttled bool, start time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case !throttled:
		if p.gap /= 2; p.gap < minGap {
			p.gap = 0
		}
	case p.gap == 0 || start.After(p.changed):
		// A request that started before the last change says nothing new: else
		// one burst of 64 refusals would count 64 times.
		p.gap = min(max(2*p.gap, minGap), maxGap)
		p.changed = time.Now()
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
