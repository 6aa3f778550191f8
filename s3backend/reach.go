package s3backend

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

const (
	// While the server is away it is asked by nobody but a knock, one at a time, after
	// 1, 2, 4 and then every 5 s: recovery shows within that, and a server that comes
	// back does not meet a storm.
	firstKnock = time.Second
	maxKnock   = 5 * time.Second
)

// reach is a client's outage, if there is one, and the goroutine that waits for its end.
type reach struct {
	mu       sync.Mutex // guards the following
	outage   outage
	outages  int64
	trouble  error // why the bucket cannot be asked at all; nil when it can
	closed   bool
	knocking bool
	there    context.Context // ends when the next outage begins; nil until somebody wants it
	gone     context.CancelFunc
	running  sync.WaitGroup
}

// Trouble returns what keeps all questions from being answered, as of the last one:
// ErrUnreachable, and since when, ErrCredentials, ErrNoBucket or ErrRegion; nil for nothing.
func (c *Client) Trouble() (since time.Time, err error) {
	c.reach.mu.Lock()
	defer c.reach.mu.Unlock()
	if c.reach.outage.away {
		since = c.reach.outage.quiet
	}
	return since, c.reach.trouble
}

// refused returns the error of a call that there is no use in asking now: the server is
// known to be away. Guesses are not asked then, nor are questions whose asker has another
// answer. Other questions, and reads, go on as long as somebody was answered within a
// request's time; later, questions are not asked at all, and reads once.
func (c *Client) refused(ctx context.Context, op string, attempts int) error {
	if !c.away() {
		return nil
	}
	patience := c.o.RequestTimeout
	switch insists := ctx.Value(insistKey{}) != nil; {
	case insists, ctx.Err() != nil:
		return nil
	case hasFallback(ctx), !urgent(ctx):
		patience = 0
	case op == "open" && attempts == 0:
		return nil
	}
	c.reach.mu.Lock()
	defer c.reach.mu.Unlock()
	if c.reach.outage.over(time.Now(), patience) {
		return c.reach.outage.why
	}
	return nil
}

// away reports whether there is an outage.
func (c *Client) away() bool {
	c.reach.mu.Lock()
	defer c.reach.mu.Unlock()
	return c.reach.outage.away
}

// fallbackPatience is how long, and for two attempts at least of anybody, a question is asked whose
// asker has another answer, when nobody else is answered: as long as one connection may
// take. Without one it goes on for its whole time.
const fallbackPatience = 5 * time.Second

// yields reports whether a call, begun at start, is given up for the other answer. Of many
// that are held back together each may have made one attempt only.
func (c *Client) yields(ctx context.Context, start time.Time, attempts int) bool {
	now := time.Now()
	if now.Sub(start) < fallbackPatience || !hasFallback(ctx) {
		return false
	}
	c.reach.mu.Lock()
	defer c.reach.mu.Unlock()
	return max(attempts, c.reach.outage.misses) >= 2 && c.reach.outage.plausible(start, now)
}

type insistKey struct{}

// Insist returns a context under which the server is asked although it was away.
func Insist(ctx context.Context) context.Context { return context.WithValue(ctx, insistKey{}, true) }

// heard takes note of an attempt, begun at start, that ended with err.
func (c *Client) heard(start time.Time, err error) {
	if silence, ended := c.reach.note(start, time.Now(), err); ended {
		c.log.Info("S3 answers again", "endpoint", c.Endpoint(), "after", silence.Round(time.Millisecond))
	}
}

func (r *reach) note(start, now time.Time, err error) (silence time.Duration, ended bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case unanswered(err):
		r.outage.missed(start)
		return 0, false
	case answered(err):
		silence = now.Sub(r.outage.quiet)
		if ended = r.outage.answer(now); ended {
			r.there = nil
		}
		r.trouble = nil
	}
	for _, general := range []error{ErrCredentials, ErrNoBucket, ErrRegion} {
		if errors.Is(err, general) {
			r.trouble = err
		}
	}
	return silence, ended
}

// lost returns the error of a call, begun at start, whose last attempt ended with err.
func (c *Client) lost(start time.Time, err error) error {
	err, began := c.reach.lose(start, time.Now(), err)
	if began {
		c.log.Warn("S3 cannot be reached", "endpoint", c.Endpoint(), "error", err)
		c.reach.startKnocking(c.awaitReturn)
	}
	return err
}

func (r *reach) lose(start, now time.Time, err error) (lost error, began bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == errHeldBack && r.outage.away:
		return r.outage.why, false // a server that says 503 to all is not throttling
	case !unanswered(err), errors.Is(err, ErrUnreachable):
		return err, false
	}
	away, began := r.outage.gaveUp(start, now)
	if !away {
		return err, false
	}
	detail := err.Error()
	if f := (*failure)(nil); errors.As(err, &f) {
		detail = f.detail
	}
	err = &failure{sentinel: ErrUnreachable, also: ErrUnavailable, detail: detail}
	if began {
		r.outage.why, r.trouble = err, err
		r.outages++
		if r.there != nil {
			r.gone()
		}
	}
	return err, began
}

// untilOutage returns a context that ends when an outage begins, or has ended if there is one.
func (r *reach) untilOutage() context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.there == nil {
		r.there, r.gone = context.WithCancel(context.Background())
	}
	if r.outage.away {
		r.gone()
	}
	return r.there
}

// startKnocking runs knocks, unless they run already or the client is closed.
func (r *reach) startKnocking(knocks func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed && !r.knocking {
		r.knocking = true
		r.running.Go(knocks)
	}
}

// awaitReturn knocks until somebody is answered.
func (c *Client) awaitReturn() {
	for wait := firstKnock; sleep(c.life, wait) == nil; wait = min(2*wait, maxKnock) {
		if c.reach.mayRest() {
			return
		}
		start, err := time.Now(), c.knock()
		if c.life.Err() == nil {
			c.heard(start, err)
		}
	}
}

// mayRest reports whether the outage is over, and nobody knocks any more then.
func (r *reach) mayRest() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.knocking = r.outage.away
	return !r.knocking
}

// knock asks for one key. Credentials of a source that was away too are asked for anew.
func (c *Client) knock() error {
	c.requests.owe()
	ctx, cancel := context.WithTimeout(c.life, c.answerTimeout())
	defer cancel()
	_, err := c.s3.ListObjectsV2(ctx, &s3.ListObjectsV2Input{
		Bucket: &c.o.Bucket, MaxKeys: aws.Int32(1), RequestPayer: c.payer,
		// The bucket's first key may hold what XML cannot, and no answer could be read.
		EncodingType: types.EncodingTypeUrl,
	}, c.inRegion)
	if err == nil {
		return nil
	}
	return judge("list", err).err
}

// close ends the knocking.
func (r *reach) close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.running.Wait()
}
