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

// What a piece was noted over is not remembered when it has joined another: the piece would
// stand there for the oldest visit.
func TestJoinedPieceIsNoPlace(t *testing.T) {
	l := newLimits(1<<20, 1<<10, 8<<10, 64<<10, 512)
	var v visits
	for i := range int64(maxVisits) {
		v.add(l, i*4096, i*4096+512, 0)
	}
	last, piece := v.n, (maxVisits-1)*int64(4096)+1024
	if _, joined := v.join(last, v.add(l, piece, piece+512, 0)); !joined {
		t.Fatal("not joined")
	}
	if i := v.find(piece, 1, v.n+1, 100); i > 0 {
		t.Errorf("the piece is visit %d", i)
	}
	if i := v.find(4096, 1, v.n+1, 100); i != 2 {
		t.Errorf("the second visit is %d", i)
	}
	if v.get(1) != nil {
		t.Error("the first visit is remembered")
	}
}
