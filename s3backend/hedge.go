package s3backend

import (
	"context"
	"runtime/debug"
	"sync/atomic"
	"time"
)

const (
	// AWS's advice for small requests, and what a reader hardly notices: below it,
	// a hiccup of the network or of this machine would look like a dead connection.
	minLate = 250 * time.Millisecond
	// lateFactor medians without a byte are late.
	lateFactor = 4
	// hedgeShare: one request in so many may be a hedge. A server that is slow as a
	// whole is not helped by more requests.
	hedgeShare = 20
	// latePoll is how often a late request looks whether somebody waits for it by now.
	latePoll = 50 * time.Millisecond
)

// errOvertaken ends a request that was asked again on another connection.
var errOvertaken error = &failure{sentinel: ErrUnavailable, detail: "late, asked again"}

// hedges decides when a GET that somebody waits for is asked again.
type hedges struct {
	first     recent       // nanoseconds to the header
	requests  atomic.Int64 // for bytes, hedges included
	made, won atomic.Int64
}

// delay is from when on a request without a byte is late.
func (h *hedges) delay() time.Duration {
	return max(lateFactor*time.Duration(h.first.median()), minLate)
}

// take counts one more hedge, unless there are too many already.
func (h *hedges) take() bool {
	for {
		n := h.made.Load()
		if (n+1)*hedgeShare > h.requests.Load() {
			return false
		}
		if h.made.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// mayHedge takes a hedge for what runs under ctx. While the server throttles, or
// requests are limited, more of them are no help.
func (c *Client) mayHedge(ctx context.Context) bool {
	return urgent(ctx) && c.pace.free() && c.requests.idle() && c.hedges.take()
}

// ask is one attempt at a GET, see open. When its header is late and somebody waits
// for it, the same is asked on another connection; the first right answer wins and
// the other request is cancelled, before a byte of its body is read.
func (c *Client) ask(ctx, parent context.Context, obj Object, off, end int64, patience time.Duration) (*answer, error) {
	c.hedges.requests.Add(1)
	first, overtake := context.WithCancelCause(ctx)
	defer overtake(nil)
	second, giveUp := context.WithCancel(ctx)
	defer giveUp()
	waiting, decided := context.WithCancel(ctx)
	defer decided()
	var hedge *answer
	done := make(chan struct{})
	late := time.AfterFunc(c.hedges.delay(), func() {
		defer close(done)
		if !c.awaitHedge(waiting, parent) {
			return
		}
		if hedge = c.hedge(second, parent, obj, off, end, patience); hedge != nil {
			overtake(errOvertaken)
		}
	})
	a, err := c.open(first, parent, obj, off, end, patience)
	if late.Stop() {
		return a, err
	}
	decided()
	if err == nil {
		giveUp()
	}
	<-done
	if hedge == nil {
		return a, err
	}
	// The first may have been cut in the moment of its answer.
	if a != nil {
		a.stop(nil)
	}
	c.hedges.won.Add(1)
	return hedge, nil
}

// awaitHedge waits until there is reason and leave for a hedge; false when the first
// request is over before.
func (c *Client) awaitHedge(waiting, parent context.Context) bool {
	for !c.mayHedge(parent) {
		if sleep(waiting, latePoll) != nil {
			return false
		}
	}
	return true
}

// hedge is the second request; nil when it fails, since the first tells why.
func (c *Client) hedge(ctx, parent context.Context, obj Object, off, end int64, patience time.Duration) (a *answer) {
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("panic in a hedge", "key", obj.Key, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	if c.requests.wait(ctx, 1) != nil {
		return nil
	}
	c.hedges.requests.Add(1)
	a, err := c.open(ctx, parent, obj, off, end, patience)
	if err != nil {
		return nil
	}
	return a
}
