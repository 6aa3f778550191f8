package s3backend

import (
	"context"
	"time"

	"golang.org/x/time/rate"
)

// limiter holds a rate that the user has set. Demands share it in their order;
// guesses take what they leave: only while more than half of the burst is there. Nil
// is no limit.
type limiter struct {
	rate  *rate.Limiter
	piece int64         // to ask for at once
	poll  time.Duration // of guesses
	// gate is held by the one demand that has reserved, and waits for its time. What a
	// reservation has taken from those behind it, Cancel does not give back: were all to
	// reserve, the limit would go on waiting for callers that have left.
	gate chan struct{}
}

// newByteLimiter takes bytes a second; 0 is no limit. The burst is an eighth of a
// second's worth, or one piece of 4 KiB where that is more.
func newByteLimiter(limit int64) *limiter {
	if limit <= 0 {
		return nil
	}
	// A piece is a read from a connection: where there is room, as large as those are
	// without a limit, and small enough for several to share the burst.
	piece := min(max(limit/64, 4<<10), 256<<10)
	return newLimiter(float64(limit), max(limit/8, piece), piece)
}

// newRequestLimiter takes requests a second; 0 is no limit.
func newRequestLimiter(limit float64) *limiter {
	if limit <= 0 {
		return nil
	}
	return newLimiter(limit, max(int64(limit/8), 1), 1)
}

func newLimiter(limit float64, burst, piece int64) *limiter {
	poll := time.Duration(float64(piece) / limit * float64(time.Second))
	return &limiter{
		rate:  rate.NewLimiter(rate.Limit(limit), int(burst)),
		piece: piece,
		poll:  min(max(poll, 5*time.Millisecond), latePoll),
		gate:  make(chan struct{}, 1),
	}
}

// wait takes n, at most a piece; or it returns the context's error.
func (l *limiter) wait(ctx context.Context, n int64) error {
	if l == nil {
		return nil
	}
	for !urgent(ctx) {
		if l.leaves(n) && l.rate.AllowN(time.Now(), int(n)) {
			return nil
		}
		if err := sleep(ctx, l.poll); err != nil {
			return err
		}
	}
	select {
	case l.gate <- struct{}{}:
		defer func() { <-l.gate }()
	case <-ctx.Done():
		return ctx.Err()
	}
	// Not WaitN: it fails before a context's end, with an error of its own.
	r := l.rate.ReserveN(time.Now(), int(n))
	d := r.Delay()
	if d == 0 {
		return nil
	}
	if err := sleep(ctx, d); err != nil {
		r.Cancel()
		return err
	}
	return nil
}

// owe takes one without waiting, for a request that follows from one that was let through:
// whoever comes next waits the longer.
func (l *limiter) owe() {
	if l != nil {
		l.rate.ReserveN(time.Now(), 1)
	}
}

// leaves reports whether n can be taken and half of the burst be left, or as much as
// a burst of one piece can leave.
func (l *limiter) leaves(n int64) bool {
	burst := float64(l.rate.Burst())
	return l.rate.Tokens() >= float64(n)+min(burst/2, burst-float64(l.piece))
}

// idle reports whether there is more than is asked for.
func (l *limiter) idle() bool { return l == nil || l.leaves(l.piece) }
