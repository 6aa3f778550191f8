package blockcache

import "time"

const (
	firstPause = time.Second
	maxPause   = 30 * time.Second
)

// backoff decides when a failing disk is left alone and when it is tried again:
// a pure value, given the time.
type backoff struct {
	tolerated int // failures in a row that do not pause yet

	failures int
	probing  bool
	pause    time.Duration // the latest; 0 while all is well
	until    time.Time
}

// blocked reports whether the disk is to be left alone.
func (b *backoff) blocked(now time.Time) bool { return b.pause > 0 && now.Before(b.until) }

// admit reports whether an operation may go to the disk. After a pause it admits
// one, as a probe, and the others when that was reported or as much time passed.
func (b *backoff) admit(now time.Time) bool {
	if b.blocked(now) {
		return false
	}
	if b.pause > 0 {
		b.probing = true
		b.until = now.Add(b.pause)
	}
	return true
}

// failed takes a failure into account and reports whether it begins a pause
// where there was none.
func (b *backoff) failed(now time.Time) bool {
	b.failures++
	if b.failures <= b.tolerated {
		return false
	}
	return b.block(now)
}

// block pauses at once. A failure during a pause that is not the probe's was
// already on its way and does not lengthen it.
func (b *backoff) block(now time.Time) bool {
	began := b.pause == 0
	if began || b.probing || !b.blocked(now) {
		b.probing = false
		b.pause = min(max(firstPause, 2*b.pause), maxPause)
		b.until = now.Add(b.pause)
	}
	return began
}

// succeeded ends the trouble and reports whether there was a pause.
func (b *backoff) succeeded() bool {
	was := b.pause > 0
	b.failures, b.pause, b.probing = 0, 0, false
	return was
}
