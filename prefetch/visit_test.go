package prefetch

import (
	"math/rand/v2"
	"testing"
	"time"
)

// Random reads come at equal distances by chance, the more so when they are of
// whole blocks of a small object: next to nothing may be guessed for that.
func TestRandomReadsAreNoStride(t *testing.T) {
	for name, at := range map[string]func(r *rand.Rand, l limits) int64{
		"anywhere":     func(r *rand.Rand, l limits) int64 { return r.Int64N(l.size - l.block) },
		"pages":        func(r *rand.Rand, l limits) int64 { return r.Int64N(l.size/4-l.block) * 4 },
		"whole blocks": func(r *rand.Rand, l limits) int64 { return r.Int64N(l.blocks-1) * l.block },
	} {
		t.Run(name, func(t *testing.T) {
			const seeds, reads = 8, 1000
			guessed := int64(0)
			for seed := range uint64(seeds) {
				r := rand.New(rand.NewPCG(seed, 1))
				d := detector{limits: newLimits(1<<20, 1<<10, 8<<10, 64<<10, 0)}
				var h handle
				for i := range int64(reads) {
					p := d.read(time.UnixMilli(i), &h, at(r, d.limits), 64, func() int64 { return 100 })
					for _, s := range p.ahead {
						guessed += s.n
					}
				}
			}
			if guessed > seeds*reads/500 {
				t.Errorf("%d blocks guessed in %d reads", guessed, seeds*reads)
			}
		})
	}
}
