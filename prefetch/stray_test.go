package prefetch

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestWalkStrays: somebody who opens a file elsewhere now and then takes little from
// readers, be they followed by trails or in lanes; and who reads groups of files in
// random order has each followed, as if there were no lanes.
func TestWalkStrays(t *testing.T) {
	parts := func(files, n int) (places []int) {
		for i := range files {
			places = append(places, i%n*(files/n)+i/n)
		}
		return places
	}
	loader := func(files, workers, batch int) (places []int) {
		round := workers * batch
		for i := range files {
			places = append(places, i/round*round+i%workers*batch+i%round/workers)
		}
		return places
	}
	groups := func(files, n int) (places []int) {
		for _, g := range rand.New(rand.NewPCG(3, 3)).Perm(files / n) {
			places = append(places, upTo(g*n, g*n+n, 1)...)
		}
		return places
	}
	const files = 8000
	for _, c := range []struct {
		name   string
		places []int
		waits  [4]int // at most, in 1,000, with 0, 1, 2 and 5 strays in 100 opens
	}{
		{"one reader", upTo(0, files, 1), [4]int{1, 1, 1, 1}},
		{"2 parts", parts(files, 2), [4]int{1, 1, 1, 1}},
		{"4 parts", parts(files, 4), [4]int{2, 2, 2, 2}},
		{"16 parts", parts(files, 16), [4]int{10, 70, 70, 80}},
		{"2 workers, batches of 16", loader(files, 2, 16), [4]int{5, 5, 5, 5}},
		{"4 workers, batches of 64", loader(files, 4, 64), [4]int{5, 70, 70, 70}},
		{"8 workers, batches of 16", loader(files, 8, 16), [4]int{5, 50, 100, 900}},
		{"groups of 10", groups(files, 10), [4]int{400, 400, 400, 420}},
		{"groups of 40", groups(files, 40), [4]int{200, 250, 320, 370}},
	} {
		for i, strays := range []int{0, 1, 2, 5} {
			t.Run(fmt.Sprintf("%s, %d in 100", c.name, strays), func(t *testing.T) {
				const rounds = 4
				waits, wasted := 0, 0
				for seed := range uint64(rounds) {
					s, r := newStroll(t, numbered(20_000)...), rand.New(rand.NewPCG(seed, 9))
					for _, place := range c.places {
						if r.IntN(100) < strays {
							s.open(9000 + r.IntN(11_000))
						}
						useful := s.useful
						if s.open(place); s.useful == useful {
							waits++
						}
					}
					s.waste(s.walk.idle(s.now.Add(2 * walkIdle)))
					if wasted += s.wasted; len(s.ahead) != 0 {
						t.Errorf("%d left", len(s.ahead))
					}
				}
				t.Logf("%d of %d waited for, %d wasted", waits/rounds, files, wasted/rounds)
				if waits > rounds*files*c.waits[i]/1000 {
					t.Errorf("want at most %d", files*c.waits[i]/1000)
				}
			})
		}
	}
}
