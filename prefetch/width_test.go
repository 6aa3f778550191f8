package prefetch

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// path is a network that is told as a story: latency to the first byte, so much a
// connection, so much for all together.
type path struct {
	latency         time.Duration
	each, all       float64 // bytes a second
	width           width
	clock           time.Time
	random          *rand.Rand
	flying          []flight
	received        float64
	wanted          int // how many guesses there would be without a limit
	lowest, highest int // widths of the last run
}

// flight is a guess on its way.
type flight struct {
	began, first time.Time // first: of its bytes
	left         float64
}

const guessSize = 8 << 20

func newPath(most int, latency time.Duration, each, all float64) *path {
	return &path{latency: latency, each: each, all: all, width: newWidth(most), wanted: most,
		clock: time.Unix(1e9, 0), random: rand.New(rand.NewPCG(1, 1))}
}

// run goes on for so long, in steps, and returns the throughput.
func (p *path) run(d time.Duration) float64 {
	const step = 2 * time.Millisecond
	p.lowest, p.highest = p.width.now, p.width.now
	before := p.received
	for end := p.clock.Add(d); p.clock.Before(end); p.clock = p.clock.Add(step) {
		p.start()
		receiving := 0
		for _, f := range p.flying {
			if !p.clock.Before(f.first) {
				receiving++
			}
		}
		part := min(p.each, p.all/float64(max(receiving, 1))) * step.Seconds()
		for i := range p.flying {
			if f := &p.flying[i]; !p.clock.Before(f.first) {
				p.received += min(part, f.left)
				f.left -= part
			}
		}
		p.land()
	}
	return (p.received - before) / d.Seconds()
}

// start begins as many flights as may be.
func (p *path) start() {
	for len(p.flying) < min(p.width.now, p.wanted) {
		// Not all alike, or they would run in step.
		wait := time.Duration(float64(p.latency) * (0.5 + p.random.Float64()))
		p.flying = append(p.flying, flight{p.clock, p.clock.Add(wait), guessSize})
	}
}

// land ends the flights that are whole; others take their place.
func (p *path) land() {
	var whole []flight
	p.flying = slices.DeleteFunc(p.flying, func(f flight) bool {
		if f.left <= 0 {
			whole = append(whole, f)
		}
		return f.left <= 0
	})
	p.start()
	for _, f := range whole {
		p.width.ended(p.clock, guessSize, p.clock.Sub(f.began), int64(p.received), len(p.flying))
		p.lowest, p.highest = min(p.lowest, p.width.now), max(p.highest, p.width.now)
	}
}

// Where each connection has its own speed, all of them are used from the beginning
// on, and not one goes for a while.
func TestWidthOfAPathThatRewardsAll(t *testing.T) {
	for name, p := range map[string]*path{
		"near": newPath(24, 20*time.Millisecond, 80e6, 1e12),
		"far":  newPath(24, 150*time.Millisecond, 5e6, 1e12),
		"many": newPath(192, 20*time.Millisecond, 80e6, 1e12),
		"fast": newPath(24, 20*time.Millisecond, 80e6, 400e6), // full with 5, and good with 24
	} {
		most := p.width.most
		p.run(time.Minute)
		if p.lowest != most {
			t.Errorf("%s: down to %d of %d", name, p.lowest, most)
		}
	}
}

// Where the path is full with some connections, about as many stay, and it stays full.
func TestWidthOfAFullPath(t *testing.T) {
	for fill, p := range map[int]*path{
		1: newPath(24, 20*time.Millisecond, 10e6, 10e6),
		5: newPath(24, 20*time.Millisecond, 10e6, 50e6),
		8: newPath(48, 100*time.Millisecond, 20e6, 160e6),
	} {
		p.wanted = 1 // a reader begins with one request
		p.run(3 * time.Second)
		p.wanted = p.width.most
		p.run(2 * time.Minute)
		rate := p.run(5 * time.Minute)
		// Attempts at more are among them.
		if low, high := fill, max(7*fill/2, fewGuesses+2); p.lowest < low || p.highest > high {
			t.Errorf("full with %d: %d to %d", fill, p.lowest, p.highest)
		}
		if rate < 0.9*p.all {
			t.Errorf("full with %d: %.0f MB/s of %.0f", fill, rate/1e6, p.all/1e6)
		}
	}
}

// When the path gets wider, more connections are used again; when one connection
// gets slower, all of them.
func TestWidthFollowsThePath(t *testing.T) {
	p := newPath(24, 20*time.Millisecond, 10e6, 30e6)
	p.wanted = 1
	p.run(3 * time.Second)
	p.wanted = 24
	p.run(time.Minute)
	if p.width.now > 9 {
		t.Fatalf("%d for a path full with 3", p.width.now)
	}
	p.all = 1e12
	if p.run(30 * time.Second); p.width.now != 24 {
		t.Errorf("%d once the path is wide", p.width.now)
	}
	p.each = 2e6
	p.run(time.Minute)
	if rate := p.run(time.Minute); p.width.now != 24 || rate < 0.9*24*2e6 {
		t.Errorf("%d, %.0f MB/s once a connection is slow", p.width.now, rate/1e6)
	}
}

// A speed that was reached once by chance does not narrow the width for good.
func TestWidthAfterAFluke(t *testing.T) {
	p := newPath(24, 20*time.Millisecond, 80e6, 1e12)
	p.run(time.Second)
	p.width.ended(p.clock, guessSize, time.Millisecond, int64(p.received), len(p.flying))
	p.run(3 * time.Second)
	if rate := p.run(time.Minute); p.lowest != 24 || rate < 0.95*24*8/(8/76.3+0.02)*(1<<20) {
		t.Errorf("down to %d, %.0f MB/s", p.lowest, rate/1e6)
	}
}

// Refusals halve the width, those of a burst once, down to one guess; and it is back
// within seconds.
func TestWidthWhenThrottled(t *testing.T) {
	p := newPath(24, 20*time.Millisecond, 80e6, 1e12)
	p.run(time.Second)
	for range 50 {
		p.width.throttled(p.clock)
	}
	if p.width.now != 12 {
		t.Fatalf("%d after a burst of refusals", p.width.now)
	}
	for range 10 {
		p.clock = p.clock.Add(time.Second)
		p.width.throttled(p.clock)
	}
	if p.width.now != 1 {
		t.Fatalf("%d after a storm", p.width.now)
	}
	if p.run(10 * time.Second); p.width.now != 24 {
		t.Errorf("%d after the recovery", p.width.now)
	}
}

// A pause of the readers is no reason for anything.
func TestWidthInIdlePhases(t *testing.T) {
	p := newPath(24, 20*time.Millisecond, 80e6, 1e12)
	for range 20 {
		p.run(700 * time.Millisecond)
		p.wanted = 0
		p.run(20 * time.Second)
		p.wanted = 24
	}
	p.run(time.Second)
	if p.width.now != 24 {
		t.Errorf("%d", p.width.now)
	}
	p.wanted = 2 // a reader that takes its time
	p.run(time.Minute)
	if p.width.now != 24 {
		t.Errorf("%d with a slow reader", p.width.now)
	}
}

func TestWidthOfNone(t *testing.T) {
	w := newWidth(0) // a single connection is for demand
	w.throttled(time.Unix(1e9, 0))
	if w.now != 0 {
		t.Error(w.now)
	}
}
