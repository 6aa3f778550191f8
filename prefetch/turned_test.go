package prefetch

import (
	"math/rand/v2"
	"testing"
	"time"
)

// fetched tells a detector of one handle's reads, and returns how many requests they cost
// and at which read something above all of them was first fetched ahead; -1 for never.
func fetched(t *testing.T, size int64, reads [][2]int64) (requests, guessedAt int) {
	t.Helper()
	d := detector{limits: newLimits(size, 1024, 8*1024, 384*1024, 0)}
	h, now, have, front := &handle{pages: true}, time.Unix(0, 0), map[int64]bool{}, int64(0)
	fetch := func(s span) {
		missing := false
		for b := s.first; b < s.end(); b++ {
			if !have[b] && !missing {
				requests++
			}
			missing = !have[b]
			have[b] = true
		}
	}
	guessedAt = -1
	for i, r := range reads {
		h.overlaps++ // as the kernel's pieces do
		now = now.Add(time.Millisecond)
		p := d.read(now, h, r[0], r[1], func() int64 { return 4000 })
		front = max(front, r[0]+r[1])
		for _, a := range p.ahead {
			if guessedAt < 0 && a.first*1024 >= front {
				guessedAt = i
			}
			fetch(a)
		}
		for b := range d.limits.cover(r[0], r[0]+r[1]).n {
			if !have[d.limits.cover(r[0], r[0]+r[1]).first+b] {
				d.stalled(p)
				fetch(p.want)
				break
			}
		}
	}
	return requests, guessedAt
}

// TestPiecesOvertakenAreNotReadBackwards: the kernel's pieces of 256 bytes arrive in any
// order within 4 KiB, 16 at a time; 128 requests of 8 blocks are the fewest.
func TestPiecesOvertakenAreNotReadBackwards(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var reads [][2]int64
		for off := int64(0); off < 1<<20; off += 4096 {
			for _, i := range rng.Perm(16) {
				reads = append(reads, [2]int64{off + int64(i)*256, 256})
			}
		}
		if n, _ := fetched(t, 1<<20, reads); n > 150 {
			t.Errorf("seed %d: %d requests", seed, n)
		}
	}
}

// TestReaderTurns: who has gone back four blocks and then forwards is followed forwards.
func TestReaderTurns(t *testing.T) {
	reads := [][2]int64{{103 << 10, 1024}, {102 << 10, 1024}, {101 << 10, 1024}, {100 << 10, 1024}}
	for b := int64(104); b < 140; b++ {
		reads = append(reads, [2]int64{b << 10, 1024})
	}
	if _, at := fetched(t, 1<<20, reads); at < 0 || at > 4+8+1 {
		t.Errorf("who has turned is fetched ahead of from his read %d on", at)
	}
}
