package s3backend

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

const (
	firstBackoff = 100 * time.Millisecond
	maxBackoff   = 5 * time.Second
	// AWS's advice: ask again after 2 s, then after 4.
	firstPatience = 2 * time.Second
	// Some wrong answers are of one node or connection; three in a row are not.
	asideAttempts = 3
)

// series is the attempts of one call. The SDK retries nothing: it knows neither
// of bodies nor of wrong answers, and two loops would multiply.
type series struct {
	c       *Client
	op, key string
	aside   bool // see callAside

	attempts  int
	unnamed   int  // look-ups that failed: no attempts, the deadline ends them
	refreshed bool // new credentials were asked for
	moved     bool // another region was taken
	skewed    bool // the SDK's clock was set
	last      error
	began     time.Time // the first attempt
}

// run calls try until it succeeds, cannot, or ctx ends. The error is a sentinel
// in words, or ctx's own.
func (s *series) run(ctx context.Context, try func(context.Context) error) error {
	if s.began.IsZero() {
		s.began = time.Now()
	}
	for {
		if err := s.c.refused(ctx, s.op, s.attempts+s.unnamed); err != nil {
			return err
		}
		if err := s.c.admit(ctx); err != nil {
			switch {
			case err == errHeldBack:
				return err
			case ctx.Err() == nil:
				continue // an outage has begun
			}
			if s.last == nil {
				s.last = errHeldBack
			}
			return s.ended(ctx)
		}
		start, skew, region := time.Now(), time.Duration(s.c.skew.Load()), s.c.region.Load()
		err := try(ctx)
		if err == nil {
			s.c.heard(start, nil)
			s.c.pace.report(false, start)
			return nil
		}
		if ctx.Err() != nil {
			return s.ended(ctx)
		}
		v := judge(s.op, err)
		s.c.heard(start, v.err)
		if v.throttled {
			s.c.counts.throttled.Add(1)
		}
		if v.throttled || !v.again {
			s.c.pace.report(v.throttled, start)
		}
		s.last = v.err
		wait, again := s.next(v, start, skew, region)
		s.c.log.DebugContext(ctx, "s3 attempt failed", "op", s.op, "key", s.key,
			"attempt", s.attempts, "error", v.err, "again", again, "wait", wait)
		if !again || s.c.yields(ctx, s.began, s.attempts+s.unnamed) {
			return s.lost(v.err)
		}
		if err := sleep(ctx, wait); err != nil {
			return s.ended(ctx)
		}
	}
}

// admit waits until a request may be sent: for the server's sake, then for the
// user's. A server that says 503 to all lets one ask in 2 s, and so does not tell all who
// wait that it is away: who has another answer leaves when one has found that out.
func (c *Client) admit(ctx context.Context) error {
	if !c.pace.free() && hasFallback(ctx) && ctx.Value(insistKey{}) == nil {
		var leave context.CancelFunc
		ctx, leave = context.WithCancel(ctx)
		defer leave()
		defer context.AfterFunc(c.reach.untilOutage(), leave)()
	}
	if err := c.pace.wait(ctx); err != nil {
		return err
	}
	return c.requests.wait(ctx, 1)
}

// next decides whether another attempt is made, and after what wait. The attempt
// was begun at start, with a skew of the clocks known, for a region.
func (s *series) next(v verdict, start time.Time, skew time.Duration, region *string) (time.Duration, bool) {
	if v.region != "" && !s.moved {
		s.c.move(v.region)
	}
	switch {
	case !v.again && !s.moved && s.c.region.Load() != region:
		// Another call may have been told first: then nothing moves here, and the
		// answer to a HEAD's GET, sent later, does not even name the region.
		s.moved = true
		return 0, true
	case v.dated && !s.skewed && s.c.newSkew(v.skew, skew):
		s.skewed = true
		return 0, true
	case v.refresh && !s.refreshed && s.c.creds != nil:
		s.refreshed = true
		s.c.creds.invalidate(start)
		return 0, true
	case !v.again:
		return 0, false
	}
	if v.quiet {
		// The others of this host may lead to the same dead address.
		s.c.transport.CloseIdleConnections()
	}
	if v.unnamed {
		s.unnamed++
	} else {
		s.attempts++
	}
	most := s.c.o.Retries
	if s.aside {
		most = min(most, asideAttempts)
	}
	return max(backoff(s.attempts+s.unnamed), v.after), s.attempts < most
}

// newSkew reports whether skew explains a refusal: the SDK signs by the server's
// clock from the answer on that told it. An attempt that was begun with this skew
// known was refused for other reasons; one of several that were begun before was
// not, though another has told it already.
func (c *Client) newSkew(skew, known time.Duration) bool {
	if (skew - known).Abs() < skewTolerance {
		return false
	}
	if old := time.Duration(c.skew.Swap(int64(skew))); (skew - old).Abs() >= skewTolerance {
		c.log.Warn("this machine's clock differs from the server's; requests are signed with the server's time",
			"server_ahead", skew)
	}
	return true
}

// broke counts a body that broke off at pos as a failed attempt.
func (s *series) broke(ctx context.Context, pos int64, err error) {
	if ctx.Err() != nil {
		return // by the caller
	}
	v := judge(s.op, err)
	s.last = v.err
	s.attempts++
	if v.quiet {
		s.c.transport.CloseIdleConnections()
	}
	s.c.log.DebugContext(ctx, "s3 body broke off", "key", s.key, "at", pos, "attempt", s.attempts, "error", v.err)
}

// pause comes before a body is resumed. The first time it does not wait: most
// connections break for reasons of their own.
func (s *series) pause(ctx context.Context) error {
	switch {
	case s.attempts >= s.c.o.Retries:
		return s.last
	case s.attempts > 1:
		if err := sleep(ctx, backoff(s.attempts)); err != nil {
			return s.ended(ctx)
		}
	}
	return nil
}

// backoff doubles per attempt and is spread over its upper half, so that calls
// that failed together do not come back together.
func backoff(attempt int) time.Duration {
	d := min(firstBackoff<<min(max(attempt-1, 0), 10), maxBackoff)
	return d/2 + rand.N(d/2)
}

// ended is the error of a series whose context is over: the caller's, or, when
// only the time of this call is up, the last thing that went wrong.
func (s *series) ended(ctx context.Context) error {
	if cause := context.Cause(ctx); !errors.Is(cause, errTimeUp) {
		return ctx.Err()
	}
	if s.last != nil {
		return s.lost(s.last)
	}
	return s.lost(errTimeUp)
}

// lost returns the error of a series whose last attempt ended with err.
func (s *series) lost(err error) error {
	if s.aside {
		return err
	}
	return s.c.lost(s.began, err)
}

// errHeldBack is for a call that the pacer let through not once.
var errHeldBack error = &failure{sentinel: ErrThrottled, detail: "held back with all requests"}

// errTimeUp is the cause of a context that RequestTimeout ended.
var errTimeUp error = &failure{sentinel: ErrUnavailable, detail: "no answer within the request time-out"}

// call runs try as the attempts of one call, within RequestTimeout, each attempt
// within the time in which a small answer must be complete.
func (c *Client) call(ctx context.Context, op, key string, try func(context.Context) error) error {
	return (&series{c: c, op: op, key: key}).call(ctx, try)
}

// callAside is call for what a server may fail at that does all else well: a few attempts
// are made, and that they fail is no outage.
func (c *Client) callAside(ctx context.Context, op, key string, try func(context.Context) error) error {
	return (&series{c: c, op: op, key: key, aside: true}).call(ctx, try)
}

func (s *series) call(ctx context.Context, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.c.o.RequestTimeout, errTimeUp)
	defer cancel()
	err := s.run(ctx, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, s.c.answerTimeout())
		defer cancel()
		return try(ctx)
	})
	return opError(s.op, s.key, err)
}

// patience is how long an attempt at a GET waits for its header once it is sent: a
// server that is well answers sooner by far, and one that is slow as a whole is given
// more time by each attempt, and by each request once that is known.
func (c *Client) patience(attempts int) time.Duration {
	return min(max(firstPatience, c.hedges.delay())<<min(attempts, 10), c.o.HeaderTimeout)
}

// answerTimeout bounds one attempt up to the end of an answer that is not an
// object's body: a page that trickles is as bad as one that never starts.
func (c *Client) answerTimeout() time.Duration {
	return c.o.ConnectTimeout + c.o.HeaderTimeout + c.o.StallTimeout
}

func opError(op, key string, err error) error {
	if err == nil {
		return nil
	}
	return &OpError{Op: op, Key: key, Err: err}
}
