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
		d.columns.learn(s.limits, parquet.Footer{Chunks: s.chunks})
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

// even is a detector that knows chunks, equally long, of several columns in several row groups.
func even(groups, columns int, length int64) (*detector, []parquet.Chunk) {
	var chunks []parquet.Chunk
	for i := range groups * columns {
		off := 4 + int64(i)*length
		chunks = append(chunks, parquet.Chunk{Off: off, End: off + length, Group: int32(i / columns), Column: int32(i % columns)})
	}
	d := &detector{limits: newLimits(4+int64(len(chunks))*length+2000, 1024, 8*1024, 384*1024, sheetStride)}
	d.columns.learn(d.limits, parquet.Footer{Chunks: chunks})
	return d, chunks
}

// strides reads [off, end) as the kernel does, and returns the blocks that were asked for
// ahead meanwhile.
func strides(d *detector, h *handle, off, end, room int64) (ahead []span) {
	for at := off / 4 * 4; at < end; at += sheetStride {
		p := d.read(time.Unix(0, 0), h, at, sheetStride, func() int64 { return room })
		ahead = append(ahead, p.ahead...)
	}
	return ahead
}

// TestRandomReadsOfColumns: who reads pieces anywhere gets no block more for what is known of
// columns, however long he goes on.
func TestRandomReadsOfColumns(t *testing.T) {
	d, chunks := even(30, 14, 6*1024+37)
	h := &handle{pages: true}
	rng := rand.New(rand.NewPCG(7, 7))
	for i := range 1000 {
		off := rng.Int64N(chunks[len(chunks)-1].End-64) / 4 * 4
		p := d.read(time.Unix(int64(i), 0), h, off, 64, func() int64 { return 1 << 30 })
		if p.want != d.limits.cover(off, off+64) || len(p.ahead) > 0 {
			t.Fatalf("read %d, of [%d, %d): %v and %v are fetched", i, off, off+64, p.want, p.ahead)
		}
	}
}

// TestFirstPagesOfColumns: for who reads only where chunks begin none of the others is
// fetched; those that lie at equal distances are, later, as any such places would be.
func TestFirstPagesOfColumns(t *testing.T) {
	d, chunks := even(30, 6, 12*1024+37)
	h := &handle{pages: true}
	for i := 1; i < 3*(underWay+lengthVisits); i += 3 {
		for _, b := range strides(d, h, chunks[i].Off, chunks[i].Off+200, 1<<30) {
			if all := d.limits.cover(chunks[i].Off, chunks[i].End); b.first < all.first || b.end() > all.end() {
				t.Fatalf("chunk %d: %v is fetched", i, b)
			}
		}
	}
}

// TestTinyColumnsReadWhole: who reads a file from its head is a stream like others, also where
// each of his reads goes over the ends of many chunks.
func TestTinyColumnsReadWhole(t *testing.T) {
	for _, length := range []int64{5, 300, 700} {
		d, chunks := even(40, int(4*1024/length), length)
		end := chunks[len(chunks)-1].End
		h := &handle{pages: true}
		for off := int64(0); off < end/2; off += sheetStride {
			d.read(time.Unix(0, 0), h, off, sheetStride, func() int64 { return 1 << 30 })
		}
		if s := d.streams[0]; s.edge-s.position(d.limits) < freeBlocks/2 {
			t.Errorf("chunks of %d: half way %d blocks are asked for ahead, of a window of %d", length, s.edge-s.position(d.limits), s.window)
		}
	}
}

// TestColumnsReadWholeBesideOthers: who reads a file from its head is held back at no chunk's
// end for what others read of it meanwhile.
func TestColumnsReadWholeBesideOthers(t *testing.T) {
	d, chunks := even(2, 40, 12*1024+37)
	whole, query := &handle{pages: true}, &handle{pages: true}
	held, last := 0, len(chunks)
	for off := int64(0); off < chunks[25].Off; off += sheetStride {
		d.read(time.Unix(0, 0), whole, off, sheetStride, func() int64 { return 1 << 30 })
		if s := d.match(off, off+sheetStride); off > chunks[6].Off && s.edge-s.position(d.limits) < freeBlocks/4 {
			held++
		}
		if off%(24*1024) == 0 {
			last--
			strides(d, query, chunks[last].Off, chunks[last].End, 1<<30)
		}
	}
	if held > 0 {
		t.Errorf("%d reads had less than %d blocks asked for ahead", held, freeBlocks/4)
	}
}

// TestLargeColumnReadWhole: as one that is large among tiny ones, which nobody is seen to read.
func TestLargeColumnReadWhole(t *testing.T) {
	var chunks []parquet.Chunk
	off := int64(4)
	for i := range 40 {
		n := int64(50)
		if i%4 == 1 {
			n = 9*1024 + 100
		}
		chunks = append(chunks, parquet.Chunk{Off: off, End: off + n, Group: int32(i / 4), Column: int32(i % 4)})
		off += n
	}
	d := &detector{limits: newLimits(off+2000, 1024, 8*1024, 384*1024, sheetStride)}
	d.columns.learn(d.limits, parquet.Footer{Chunks: chunks})
	h := &handle{pages: true}
	for at := int64(0); at < off/2; at += sheetStride {
		d.read(time.Unix(0, 0), h, at, sheetStride, func() int64 { return 1 << 30 })
	}
	if s := d.streams[0]; s.edge-s.position(d.limits) < freeBlocks/2 {
		t.Errorf("half way %d blocks are asked for ahead, of a window of %d", s.edge-s.position(d.limits), s.window)
	}
}

// TestColumnsThatShareBlocks: as much is fetched ahead where many of the columns that are read
// lie in one block.
func TestColumnsThatShareBlocks(t *testing.T) {
	d, chunks := even(60, 64, 64)
	h := &handle{pages: true}
	far := int64(0)
	for g := range 20 {
		for c := 1; c < 16; c += 2 {
			k := chunks[g*64+c]
			p := d.read(time.Unix(0, 0), h, k.Off, 64, func() int64 { return 1 << 30 })
			for _, b := range p.ahead {
				far = max(far, b.end()-k.Off/1024)
			}
		}
	}
	// One block of four is read, and 32 may be asked for.
	if far < 2*freeBlocks {
		t.Errorf("%d blocks ahead at most", far)
	}
}

// TestColumnsInLittleMemory: where memory has no room for a request of full size, a chunk that
// is expected is fetched ahead by smaller ones.
func TestColumnsInLittleMemory(t *testing.T) {
	d, chunks := even(8, 5, 20*1024+37)
	h := &handle{pages: true}
	for g := range 3 {
		strides(d, h, chunks[g*5+1].Off, chunks[g*5+1].End, 6)
	}
	if ahead := strides(d, h, chunks[3*5+1].Off, chunks[3*5+1].End, 6); len(ahead) == 0 {
		t.Error("nothing is asked for ahead")
	}
}

// BenchmarkAllColumns is what a read costs, under the file's lock, where all columns of as many
// chunks as are kept are read, each by its own beginning.
func BenchmarkAllColumns(b *testing.B) {
	d, chunks := even(32, 1024, 1300)
	h := &handle{pages: true}
	for i := range 1024 {
		d.columns.arrive(i)
	}
	for i, reads := 0, 0; reads < b.N; i = (i + 3) % (4 * 1024) {
		strides(d, h, chunks[i].Off, chunks[i].End, 1<<30)
		reads += 3
	}
}
