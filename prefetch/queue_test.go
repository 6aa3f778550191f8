package prefetch

import (
	"testing"
)

func TestReserve(t *testing.T) {
	for connections, want := range map[int]int{1: 1, 2: 1, 3: 1, 4: 1, 8: 2, 15: 3, 16: 4, 32: 8, 250: 62} {
		if got := reserve(connections); got != want {
			t.Errorf("reserve(%d) = %d, not %d", connections, got, want)
		}
	}
}

// start takes jobs until nothing more may start.
func start(q *queue) []*job {
	var out []*job
	for j := q.next(); j != nil; j = q.next() {
		out = append(out, j)
	}
	return out
}

func addGuesses(q *queue, r *Reader, n int) []*job {
	var out []*job
	for i := range n {
		j := newJob(r, span{int64(8 * i), 8}, false)
		q.addGuess(j, int64(8*i))
		out = append(out, j)
	}
	return out
}

func TestDemandGoesFirstAndHasItsReserve(t *testing.T) {
	q := newQueue(8, everything.n)
	r := &Reader{}
	addGuesses(q, r, 20)
	if got := start(q); len(got) != 6 {
		t.Fatalf("%d guesses on 8 connections", len(got))
	}
	d1, d2, d3 := newJob(r, span{0, 1}, true), newJob(r, span{1, 1}, true), newJob(r, span{2, 1}, true)
	q.addDemand(d1)
	q.addDemand(d2)
	q.addDemand(d3)
	got := start(q)
	if len(got) != 2 || got[0] != d1 || got[1] != d2 {
		t.Fatalf("%d demands on the reserve", len(got))
	}
	for j := range q.running {
		if !j.demand {
			q.done(j)
			break
		}
	}
	if got := start(q); len(got) != 1 || got[0] != d3 {
		t.Fatal("a guess was started before a demand")
	}
}

// Guesses ask for no more blocks together than they may, however many connections there
// are; small ones wait for their turn behind a long one, and one is always let through.
func TestGuessesAreBoundedInBlocks(t *testing.T) {
	q := newQueue(64, 24)
	long, small := &Reader{file: &file{}}, &Reader{file: &file{}}
	addGuesses(q, long, 4)
	for i := range 60 {
		q.addGuess(newJob(small, span{int64(i), 1}, false), int64(i))
	}
	total := func() (n int64) {
		for j := range q.running {
			n += j.span.n
		}
		return n
	}
	// Turn about: 8 1 8 1, and the next 8 do not fit.
	if got := start(q); len(got) != 4 || total() != 18 {
		t.Fatalf("%d guesses for %d blocks", len(got), total())
	}
	q.addDemand(newJob(small, span{100, 50}, true))
	if got := start(q); len(got) != 1 || !got[0].demand {
		t.Fatal("a demand waited for guesses")
	}
	for j := range q.running {
		if j.span.n == 8 {
			q.done(j)
			break
		}
	}
	// The long one that waited, then 1, and the last long one does not fit.
	if got := start(q); len(got) != 2 || got[0].owner != long || q.asked != 19 {
		t.Fatalf("%d guesses, %d blocks asked for", len(got), q.asked)
	}
	for len(q.running) > 0 {
		for j := range q.running {
			q.done(j)
		}
		start(q)
		if q.asked > 24 || q.guessed > q.guessing {
			t.Fatalf("%d guesses for %d blocks", q.guessed, q.asked)
		}
	}
	if q.asked != 0 || q.guesses != 0 {
		t.Fatalf("%d blocks are asked for by none, %d guesses are left", q.asked, q.guesses)
	}
	addGuesses(q, long, 2)
	q.most = 4
	if got := start(q); len(got) != 1 {
		t.Fatalf("%d guesses larger than all that may be asked for", len(got))
	}
}

func TestGuessesOnTheirWay(t *testing.T) {
	for _, c := range []struct{ window, request, want int64 }{
		{200, 8, 192}, // 24 long requests
		{80, 2, 78},
		{8, 8, 8}, {4, 8, 8}, {0, 8, 8}, // one at least; nothing is guessed without a window
	} {
		if got := guessesOnTheirWay(c.window<<20, c.request<<20, 1<<20); got != c.want {
			t.Errorf("window %d, requests of %d: %d blocks, not %d", c.window, c.request, got, c.want)
		}
	}
}

// Many demands of one reader do not keep another one's waiting.
func TestDemandsAreFairBetweenReaders(t *testing.T) {
	q := newQueue(4, everything.n)
	a, b, c := &Reader{}, &Reader{}, &Reader{}
	add := func(r *Reader, n int) {
		for i := range n {
			q.addDemand(newJob(r, span{int64(i), 1}, true))
		}
	}
	add(a, 20)
	first := start(q)
	if len(first) != 4 {
		t.Fatalf("%d demands on 4 connections", len(first))
	}
	add(b, 3)
	add(c, 1)
	names := map[*Reader]string{a: "a", b: "b", c: "c"}
	var owners string
	for _, j := range first {
		q.done(j)
		for _, j := range start(q) {
			owners += names[j.owner]
		}
	}
	if owners != "bcaa" { // then a has two, and the others one each
		t.Error(owners)
	}
}

func TestReadersTakeTurns(t *testing.T) {
	q := newQueue(4, everything.n)
	a, b := &Reader{}, &Reader{}
	addGuesses(q, a, 5)
	addGuesses(q, b, 2)
	var owners string
	for len(owners) < 7 {
		for _, j := range start(q) {
			if j.owner == a {
				owners += "a"
			} else {
				owners += "b"
			}
			q.done(j)
		}
	}
	if owners != "ababaaa" {
		t.Error(owners)
	}
}

func TestNearestGuessFirst(t *testing.T) {
	q := newQueue(8, everything.n)
	r := &Reader{}
	far := addGuesses(q, r, 4)
	near := newJob(r, span{500, 1}, false)
	q.addGuess(near, 2)
	got := start(q)
	if len(got) != 5 || got[0] != far[0] || got[1] != near || got[2] != far[1] {
		t.Error("not in the order of distance")
	}
}

func TestDropTakesOwnGuessesOnly(t *testing.T) {
	q := newQueue(4, everything.n)
	a, b := &Reader{}, &Reader{}
	ja := addGuesses(q, a, 6)
	addGuesses(q, b, 2)
	d := newJob(a, span{8, 8}, true)
	q.addDemand(d)
	running := start(q) // the demand, and a, b, a
	if len(running) != 4 {
		t.Fatalf("%d running", len(running))
	}
	queued, ran := q.drop(a, span{4, 35}) // ends in a's fifth guess: that one stays
	if len(queued) != 2 || queued[0] != ja[2] || queued[1] != ja[3] {
		t.Errorf("queued ones dropped: %d", len(queued))
	}
	if len(ran) != 2 {
		t.Errorf("running ones dropped: %d", len(ran))
	}
	if q.guesses != 3 {
		t.Errorf("%d guesses left", q.guesses)
	}
	if rest := q.dropAll(); len(rest) != 3 || q.guesses != 0 || q.next() != nil {
		t.Errorf("%d left at the end", len(rest))
	}
}

func TestWithdraw(t *testing.T) {
	q := newQueue(1, everything.n)
	r := &Reader{}
	d1, d2 := newJob(r, span{0, 1}, true), newJob(r, span{1, 1}, true)
	q.addDemand(d1)
	q.addDemand(d2)
	start(q)
	if q.withdraw(d1) {
		t.Error("a running demand was withdrawn")
	}
	if !q.withdraw(d2) || q.withdraw(d2) {
		t.Error("a queued demand is withdrawn once")
	}
}

func TestPieces(t *testing.T) {
	for _, c := range []struct {
		s    span
		want []span
	}{
		{span{5, 8}, []span{{5, 8}}},
		{span{5, 9}, []span{{5, 3}, {8, 6}}},
		{span{0, 17}, []span{{0, 8}, {8, 8}, {16, 1}}},
	} {
		got := c.s.pieces(8)
		if len(got) != len(c.want) {
			t.Fatalf("%v: %v", c.s, got)
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%v: %v", c.s, got)
			}
		}
	}
}
