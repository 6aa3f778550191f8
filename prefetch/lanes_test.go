package prefetch

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// TestLanesVast: what an open costs does not grow with the directory. One of so many
// names would take days to go through once.
func TestLanesVast(t *testing.T) {
	looked := 0
	d := folder{
		files: math.MaxInt / 2,
		kind:  func(int) (string, bool) { looked++; return "", true },
		room:  func(int) bool { return true },
	}
	const opens, workers, batch = 2048, 8, 16
	w, useful := newWalk(64, false), 0
	for i := range opens {
		const round = workers * batch
		place := i/round*round + i%workers*batch + i%round/workers
		if w.open(time.Unix(0, 0), place, false, d).useful {
			useful++
		}
	}
	if useful < opens*95/100 {
		t.Errorf("%d of %d useful", useful, opens)
	}
	if looked > 200*opens {
		t.Errorf("%d files looked at for %d opens", looked, opens)
	}
}

// TestLanesOfOne: one reader of every fifth file is followed by what he opens, also
// when others open files here and there.
func TestLanesOfOne(t *testing.T) {
	for _, strays := range []int{0, 100, 50, 20} { // one in so many
		s, r := newStroll(t, numbered(20000)...), rand.New(rand.NewPCG(7, 7))
		waits := 0
		for i := range 819 {
			if strays > 0 && i%strays == strays-1 {
				s.open(10000 + r.IntN(10000))
			}
			useful := s.useful
			s.open(5 * i)
			if s.useful == useful {
				waits++
			}
		}
		t.Logf("one in %d: %d waits, %d wasted", strays, waits, s.wasted)
		if waits > 40 || s.wasted > 64 {
			t.Errorf("one in %d: %d waits, %d wasted", strays, waits, s.wasted)
		}
	}
}

// TestLanesReopened: somebody who opens one of the old files once in a while takes
// nothing from the workers.
func TestLanesReopened(t *testing.T) {
	const files, workers, batch = 4096, 8, 16
	s, r := newStroll(t, numbered(files)...), rand.New(rand.NewPCG(1, 2))
	const round = workers * batch
	waits := 0
	for i := range files {
		useful := s.useful
		s.open(i/round*round + i%workers*batch + i%round/workers)
		if s.useful == useful {
			waits++
		}
		if i%100 == 99 && i > round {
			s.open(r.IntN(i / round * round))
		}
	}
	s.waste(s.walk.idle(s.now.Add(2 * walkIdle)))
	t.Logf("%d waits, %d wasted", waits, s.wasted)
	if waits > 40 || s.wasted > 20 {
		t.Error("want at most 40 waits, 20 wasted")
	}
}

// TestLanesElsewhere: guesses are given up when what is opened from then on are files
// that are never fetched ahead, or the latest again and again.
func TestLanesElsewhere(t *testing.T) {
	for _, place := range []int{2047, 3000} {
		s := newStroll(t, numbered(4000)...)
		s.large[3000] = true
		s.load(upTo(0, 2048, 1), 8, 16, 1)
		if len(s.ahead) == 0 {
			t.Fatal("nothing is ahead")
		}
		for range 2 * walkIdle / time.Second {
			s.now = s.now.Add(time.Second)
			s.open(place)
		}
		if len(s.ahead) > 0 {
			t.Errorf("%d was opened for %v, and %d files are ahead", place, 2*walkIdle, len(s.ahead))
		}
	}
}
