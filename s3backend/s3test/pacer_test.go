package s3test

import (
	"testing"
	"time"
)

// The schedule is checked by its own clock: what was sent by any moment is at most
// what the rate allows, and at most a chunk less.
func TestPacerKeepsTheRate(t *testing.T) {
	for _, rate := range []int64{100, 1 << 10, 1 << 20, 80e6, 1e9} {
		var p pacer
		start := time.Unix(1000, 0)
		now, sent := start, int64(0)
		const left = 10 << 20
		for now.Sub(start) < time.Second && sent < left {
			n, due := p.next(now, rate, left-sent)
			if n < 1 || n > chunkSize {
				t.Fatalf("rate %d: a chunk of %d bytes", rate, n)
			}
			if due.After(now) {
				now = due
			}
			sent += n
			allowed := int64(now.Sub(start).Seconds() * float64(rate))
			if sent > allowed+1 {
				t.Fatalf("rate %d: %d bytes after %v", rate, sent, now.Sub(start))
			}
			if now == due { // sleeps wake up late
				now = now.Add(time.Millisecond)
			}
			if late := allowed - sent; late > chunkSize+rate/500 {
				t.Fatalf("rate %d: %d bytes late", rate, late)
			}
		}
	}
}

func TestPacerFollowsTheRate(t *testing.T) {
	var p pacer
	now := time.Unix(1000, 0)
	if n, due := p.next(now, 0, 1<<30); n != chunkSize || due != now {
		t.Errorf("unlimited: %d bytes due %v", n, due.Sub(now))
	}
	if n, due := p.next(now, 1000, 1<<30); n != 20 || due.Sub(now) != 20*time.Millisecond {
		t.Errorf("slowed down: %d bytes due %v", n, due.Sub(now))
	}
	if n, due := p.next(now, 0, 5); n != 5 || due != now {
		t.Errorf("unlimited again: %d bytes due %v", n, due.Sub(now))
	}
}
