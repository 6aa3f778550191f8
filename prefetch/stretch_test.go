package prefetch

import (
	"slices"
	"testing"
	"time"
)

// Small guesses say nothing of the path, but bring back what refusals took.
func TestWidthComesBackBySmallGuesses(t *testing.T) {
	w, clock := newWidth(24), time.Unix(1000, 0)
	for range 5 {
		clock = clock.Add(time.Hour)
		w.throttled(clock)
	}
	if w.now != 1 {
		t.Fatalf("%d after five refusals", w.now)
	}
	if w.endedSmall(clock); w.now != 1 || w.small != 0 {
		t.Fatalf("%d at once", w.now)
	}
	clock = clock.Add(time.Minute)
	for range 40 * roundOf {
		before := w.now
		if w.endedSmall(clock); w.now > before+max(before/8, 1) {
			t.Fatalf("from %d to %d", before, w.now)
		}
	}
	if w.now != 24 || w.cut != 0 {
		t.Errorf("%d in the end, %d cut", w.now, w.cut)
	}
}

// A few small files, and then a hundred thousand large ones: an open looks at a
// stretch of the listing, not at the rest of it.
func TestWalkLooksAtAStretch(t *testing.T) {
	const files = 100_000
	looked := 0
	d := folder{files: files, room: func(int) bool { return true }, kind: func(place int) (string, bool) {
		looked++
		return "", place < 5
	}}
	w, now := newWalk(64, false), time.Unix(0, 0)
	for place := range 200 {
		looked = 0
		now = now.Add(time.Millisecond)
		if p := w.open(now, place, false, d); p.complete {
			t.Fatalf("all of it was read at open %d", place)
		}
		if looked > 4*scanFiles {
			t.Fatalf("open %d looked at %d files", place, looked)
		}
	}
}

// What lies before and behind what another stream needs is given up.
func TestClip(t *testing.T) {
	d := detector{limits: newLimits(1<<20, 1<<10, 8<<10, 384<<10, 0)}
	d.streams = []stream{
		{id: 1, active: true, next: 10 << 10, edge: 30},
		{id: 2, active: true, next: 40 << 10, edge: 44},
		{id: 3, active: true, next: 0, edge: 48},
	}
	if got, want := d.clip(span{0, 48}, 3), []span{{0, 10}, {30, 10}, {44, 4}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := d.clip(span{12, 4}, 3); len(got) != 0 {
		t.Errorf("%v of what another needs", got)
	}
}
