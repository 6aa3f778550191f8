package prefetch

import (
	"math"
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
