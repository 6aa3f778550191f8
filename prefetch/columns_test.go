package prefetch

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/zs3fs/zs3fs/prefetch/parquet"
)

// sheet is a Parquet file of random layout, and a query that reads some of its columns.
type sheet struct {
	limits limits
	chunks []parquet.Chunk
	chosen map[int32]bool
	needed map[int64]bool // blocks
}

const sheetStride = 512 // half a block, as the kernel's of 512 KiB

// newSheet makes chunks of at least shortest bytes.
func newSheet(rng *rand.Rand, shortest int64) *sheet {
	s := &sheet{chosen: map[int32]bool{}, needed: map[int64]bool{}}
	groups, columns, longest := 4+rng.IntN(20), 2+rng.IntN(12), 1+rng.Int64N(12*1024)
	off := int64(4)
	for g := range groups {
		for c := range columns {
			end := off + shortest + rng.Int64N(longest)
			s.chunks = append(s.chunks, parquet.Chunk{Off: off, End: end, Group: int32(g), Column: int32(c)})
			off = end
		}
	}
	s.limits = newLimits(off+2000, 1024, 8*1024, 64*1024, sheetStride)
	footer := s.limits.cover(off, s.limits.size)
	for b := footer.first; b < footer.end(); b++ {
		s.needed[b] = true // has been read before
	}
	for c := range columns {
		if n := int32(c); (rng.IntN(3) == 0 || c == columns/2) && !(s.chosen[n-1] && s.chosen[n-2] && s.chosen[n-3]) {
			s.chosen[n] = true // and never so many side by side that it looks like all
		}
	}
	for _, k := range s.chunks {
		if s.chosen[k.Column] {
			all := s.limits.cover(k.Off, k.End)
			for b := all.first; b < all.end(); b++ {
				s.needed[b] = true
			}
		}
	}
	return s
}

// reads are those of one row group, as the kernel makes them: by strides from a page on, and
// one more than the reader comes to, but where columns touch, which are read as one.
func (s *sheet) reads(group int32) (all [][2]int64) {
	at := int64(0)
	for i, k := range s.chunks {
		if k.Group != group || !s.chosen[k.Column] {
			continue
		}
		at = max(at, k.Off/4*4)
		for ; at < k.End; at += sheetStride {
			all = append(all, [2]int64{at, sheetStride})
		}
		if next := i + 1; next < len(s.chunks) && s.chosen[s.chunks[next].Column] && s.chunks[next].Group == group {
			continue
		}
		all = append(all, [2]int64{at, sheetStride})
	}
	return all
}

// TestColumnsNothingInVain: whatever is fetched ahead of threads that read the same columns
// of one row group after another is read, but for a few blocks where chunks are shorter than
// what the kernel reads at once; and but for the first groups nothing is waited for that was
// not asked for ahead.
func TestColumnsNothingInVain(t *testing.T) {
	var all, waited, needed, vain int
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		shortest := int64(2 * sheetStride)
		if seed%2 == 1 {
			shortest = 1
		}
		s := newSheet(rng, shortest)
		needed += len(s.needed)
		d := detector{limits: s.limits}
		d.columns.learn(s.limits, s.chunks)
		threads := make([]*thread, 1+rng.IntN(4))
		for i := range threads {
			threads[i] = &thread{handle: handle{pages: true}}
		}
		groups := s.chunks[len(s.chunks)-1].Group + 1
		had := map[int64]bool{}
		now := time.Unix(0, 0)
		for group := int32(0); len(threads) > 0; {
			i := rng.IntN(len(threads))
			th := threads[i]
			if len(th.reads) == 0 {
				if group == groups {
					d.close(&th.handle)
					threads = append(threads[:i], threads[i+1:]...)
					continue
				}
				th.group, th.reads = group, s.reads(group)
				group++
			}
			off, n := th.reads[0][0], min(th.reads[0][1], s.limits.size-th.reads[0][0])
			th.reads = th.reads[1:]
			if n <= 0 {
				continue
			}
			now = now.Add(time.Millisecond)
			p := d.read(now, &th.handle, off, n, func() int64 { return 1 << 30 })
			for _, a := range p.ahead {
				for b := a.first; b < a.end(); b++ {
					switch {
					case s.needed[b] || had[b]:
					case shortest == 1:
						vain++
					default:
						t.Fatalf("seed %d: block %d is fetched ahead at a read of [%d, %d) in group %d, and nobody reads it", seed, b, off, off+n, th.group)
					}
					had[b] = true
				}
			}
			missing := false
			for b := p.want.first; b < p.want.end() && !p.doubt; b++ {
				missing = missing || s.limits.cover(off, off+n).overlaps(span{b, 1}) && s.needed[b] && !had[b]
			}
			for b := p.want.first; b < p.want.end() && missing; b++ {
				had[b] = true
			}
			if th.group >= 6 {
				all++
				if missing {
					waited++
				}
			}
		}
	}
	t.Logf("%d reads of %d waited for blocks not asked for ahead; %d blocks in vain for %d", waited, all, vain, needed)
	if vain*50 > needed {
		t.Errorf("%d blocks in vain, where %d are needed", vain, needed)
	}
	if all == 0 || waited*100 > all {
		t.Errorf("%d reads of %d waited for blocks not asked for ahead", waited, all)
	}
}

// thread reads row groups with a handle of its own.
type thread struct {
	handle handle
	group  int32
	reads  [][2]int64
}
