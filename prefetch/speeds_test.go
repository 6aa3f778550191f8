package prefetch

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// Each connection has its own speed, 6 MiB/s or so, and all are right: neither a lucky one
// nor refusals that have ended leave few of them.
func TestWidthOfUnlikeConnections(t *testing.T) {
	for seed := range uint64(9) {
		for _, refusals := range []int{0, 3} {
			rng := rand.New(rand.NewPCG(seed, 5))
			w, begin, received := newWidth(24), time.Unix(0, 0), int64(0)
			now, flying, sum, n := begin, [][2]time.Time{}, 0.0, 0.0
			start := func() {
				for len(flying) < w.now {
					speed := 6 * math.Exp(0.35*rng.NormFloat64()-0.06) * (1 << 20)
					flying = append(flying, [2]time.Time{now.Add(20*time.Millisecond + time.Duration(guessSize/speed*1e9)), now})
				}
			}
			for refuse := begin.Add(time.Minute); now.Sub(begin) < 20*time.Minute; {
				start()
				slices.SortFunc(flying, func(a, b [2]time.Time) int { return a[0].Compare(b[0]) })
				f := flying[0]
				flying = flying[1:]
				sum, n = sum+float64(w.now)*f[0].Sub(now).Seconds(), n+f[0].Sub(now).Seconds()
				now, received = f[0], received+guessSize
				start()
				w.ended(now, guessSize, now.Sub(f[1]), received, len(flying))
				if refusals > 0 && now.After(refuse) {
					w.throttled(now)
					refusals, refuse = refusals-1, now.Add(1100*time.Millisecond)
				}
			}
			if sum/n < 20 {
				t.Errorf("seed %d: %.1f of 24 at once", seed, sum/n)
			}
		}
	}
}
