package s3backend

import (
	"errors"
	"io/fs"
	"time"
)

// outage is what the attempts of all calls together say of whether the server can be
// reached: a circuit breaker, as a value without clock, lock or I/O.
type outage struct {
	answered time.Time // latest answer
	quiet    time.Time // start of the first attempt since that got none; zero for none
	misses   int       // attempts since that got none
	away     bool
	why      error // what the call met that found it away
}

// answer takes note of an answer to anybody, and reports whether it ends an outage.
func (o *outage) answer(now time.Time) (ended bool) {
	ended = o.away
	*o = outage{answered: now}
	return ended
}

// missed takes note of an attempt, begun at start, that got no answer.
func (o *outage) missed(start time.Time) {
	o.misses++
	if o.quiet.IsZero() && !start.Before(o.answered) {
		o.quiet = start
	}
}

// gaveUp takes note of a call whose time or attempts ended without an answer. It is an
// outage unless somebody was answered in the second half of that time: who asks for the
// one object that a server cannot give must not make the questions of all others fail.
func (o *outage) gaveUp(start, now time.Time) (away, began bool) {
	if !o.plausible(start, now) {
		return o.away, false
	}
	o.missed(start.Add(now.Sub(start) / 2))
	began = !o.away
	o.away = true
	return true, began
}

// plausible reports whether gaveUp would find an outage.
func (o *outage) plausible(start, now time.Time) bool {
	return !o.answered.After(start.Add(now.Sub(start) / 2))
}

// over reports whether a call that may take so long has nothing to hope for: nobody
// was answered for that time. With 0 it is whether there is an outage.
func (o *outage) over(now time.Time, patience time.Duration) bool {
	return o.away && now.Sub(o.quiet) >= patience
}

// unanswered reports whether err, of an attempt, says that no answer came: no
// connection, none in time, or a failure of the server's own (5xx). A refusal is an
// answer, and so is one that makes no sense; what could not even be sent is neither.
func unanswered(err error) bool {
	return errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrBadAnswer)
}

// answered is the opposite of unanswered, but for what says nothing of the server.
func answered(err error) bool {
	return err == nil || !errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrNoCredentials) && !errors.Is(err, fs.ErrInvalid)
}
