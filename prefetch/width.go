package prefetch

import (
	"math"
	"time"
)

const (
	// fewGuesses is what a width is not lowered below for speed's sake: less would
	// leave gaps between requests, and a slow link 32 MiB to share is soon through.
	fewGuesses = 4
	// roundOf guesses are judged together, for one alone says little.
	roundOf = 8
	// Below crowded of a connection's best speed, more than twice as many share the
	// path as fill it. From roomy on there is room for more.
	crowded, roomy = 0.5, 0.55
	// A connection is at its best with so many bytes a second: 8 MiB in half a second
	// delay no demand by much. Narrowing faster paths gave nothing, and with both
	// processors busy, where all connections are slow by turns, it took a third of the
	// throughput of 16 streams (355 for 544 MB/s, in the median of 3 pairs).
	good = 16 << 20
	// proven: after a change that was right, throughput is not lower than this part
	// of before; grown: or higher, where it was an attempt at more.
	proven, grown = 0.9, 1.1
	// An attempt at more is made after so many rounds in which nothing changed.
	patientRounds = 32
	// throttledEvery is how often refusals narrow the width: those of one burst
	// count once.
	throttledEvery = time.Second
)

// width decides how many guesses run at once: as many as the path rewards. It is a
// value without I/O, clock or goroutine, fed with the guesses that ended.
//
// It begins with all connections that guesses may have: a stream's window grows from
// 2 MiB anyway, and where each connection has its own speed, as at S3, all of them
// are right. What tells that they are too many is that each is much slower than one
// was at its best, because they share what the path gives. Then so many go as gave
// nothing, and if throughput falls for it, the sign was wrong and they come back.
type width struct {
	most, now int
	best      float64 // a guess's bytes a second at its best, up to good

	// The round under way: its guesses, their bytes and time; when it began, and how
	// many bytes had been received by then.
	guesses  int
	bytes    int64
	busy     time.Duration
	began    time.Time
	received int64

	trial    trial
	quiet    int // rounds without a change
	patience int // of these, before fewer are tried again
	narrowed time.Time
	cut      int // the width before refusals, until it is reached again; 0 for none
	small    int // guesses since then that say nothing of the path
}

// trial is a change that has to prove itself.
type trial struct {
	on      bool
	settled bool    // what began before the change has ended
	was     int     // the width before
	rate    float64 // bytes a second before
	speed   float64 // of one guess before
}

func newWidth(most int) width { return width{most: most, now: most} }

// ended is told of a guess of n bytes that has ended well after so long. received is
// what has been received of all requests so far, running how many guesses still run.
func (w *width) ended(now time.Time, n int64, took time.Duration, received int64, running int) {
	if took <= 0 {
		return
	}
	w.best = min(max(w.best, float64(n)/took.Seconds()), good)
	w.guesses++
	w.bytes += n
	w.busy += took
	switch {
	case w.began.IsZero() || running == 0: // a pause says nothing of the path
		w.begin(now, received)
	case w.guesses >= roundOf && now.Sub(w.began) >= w.busy/time.Duration(w.guesses):
		w.round(float64(received-w.received) / now.Sub(w.began).Seconds())
		w.begin(now, received)
	}
}

func (w *width) begin(now time.Time, received int64) {
	w.guesses, w.bytes, w.busy, w.began, w.received = 0, 0, 0, now, received
}

// round judges a round, at least as long as its guesses took, by what was received a
// second.
func (w *width) round(rate float64) {
	if w.trial.on {
		w.prove(rate)
		return
	}
	w.quiet++
	if w.now >= w.cut {
		w.cut = 0
	}
	switch speed := float64(w.bytes) / w.busy.Seconds(); {
	case w.now < w.cut: // it was right before the refusals, whatever one connection gives
		w.now = min(w.cut, w.now+max(w.now/8, 1))
		w.quiet = 0
	case speed < crowded*w.best && w.now > fewGuesses && w.quiet > w.patience:
		// rate/best would fill the path; half as many again for the gaps.
		enough := int(math.Ceil(1.5 * rate / w.best))
		w.try(min(w.now, max(enough, fewGuesses)), rate, speed)
	case w.now == w.most:
	case speed >= roomy*w.best:
		w.now = min(w.most, w.now+max(w.now/8, 1))
		w.quiet = 0
	case w.quiet >= patientRounds:
		w.try(min(w.most, w.now+max(w.now/2, 1)), rate, speed)
	}
}

func (w *width) try(width int, rate, speed float64) {
	if width != w.now {
		w.trial = trial{on: true, was: w.now, rate: rate, speed: speed}
		w.now, w.quiet = width, 0
	}
}

// prove ends a trial: with the width of before when it was wrong.
func (w *width) prove(rate float64) {
	t := w.trial
	if !t.settled {
		w.trial.settled = true
		return
	}
	w.trial = trial{}
	switch fewer := w.now < t.was; {
	case fewer && rate < proven*t.rate:
		// One connection gives no more than that now, or its best was a chance.
		w.now, w.best = t.was, t.speed
		w.patience = min(2*w.patience+4, patientRounds)
	case fewer:
		w.patience = 0
	case !fewer && rate < grown*t.rate:
		w.now = t.was
	}
}

// endedSmall is told of a guess that has ended well and was too small to tell anything
// of the path. But where there are no others, what refusals took comes back by it.
func (w *width) endedSmall(now time.Time) {
	if w.now >= w.cut {
		w.cut = 0
	}
	if w.cut == 0 || now.Sub(w.narrowed) < throttledEvery {
		return
	}
	if w.small++; w.small%roundOf == 0 {
		w.now = min(w.cut, w.now+max(w.now/8, 1))
	}
}

// throttled is told that the server wants fewer requests.
func (w *width) throttled(now time.Time) {
	if now.Sub(w.narrowed) < throttledEvery {
		return
	}
	w.narrowed = now
	w.cut = max(w.cut, w.now)
	w.now = max(w.now/2, min(w.most, 1))
	w.trial, w.quiet = trial{}, 0
	w.began = time.Time{}
}
