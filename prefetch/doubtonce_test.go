package prefetch

import (
	"testing"
	"time"
)

// TestDoubtedOnce: what is read again is wanted, also where a stream that goes down ends at the
// top, as far as it is remembered: unlike one that goes up, it ends there still afterwards.
func TestDoubtedOnce(t *testing.T) {
	const block, stride = 1024, 512
	for _, downwards := range []bool{false, true} {
		d := detector{limits: newLimits(1<<20, block, 8*block, 384*block, stride)}
		top := int64(100 * block)
		d.streams = []stream{{
			id: 1, start: top - reorderBlocks*block, next: top, downwards: downwards, active: true,
			visit: d.visits.add(d.limits, top-stride, top, 0), reach: top,
		}}
		h := &handle{pages: true}
		var doubts [2]bool
		for i := range doubts {
			doubts[i] = d.read(time.Unix(0, 0), h, top, stride, func() int64 { return 100 }).doubt
		}
		if doubts != [2]bool{!downwards, false} {
			t.Errorf("downwards %v: doubts %v", downwards, doubts)
		}
	}
}

// TestRefusedOnce: where a read was refused, the same one is not, however much has been read
// between: it may be that of who came to the pages that were refused.
func TestRefusedOnce(t *testing.T) {
	d, chunks := even(8, 5, 6*1024+37)
	room := func() int64 { return 1 << 30 }
	behind := func(chunk int) int64 {
		off := chunks[chunk].Off / 4 * 4
		return off + (chunks[chunk].End-off+sheetStride-1)/sheetStride*sheetStride
	}
	for again := range 2 {
		h := &handle{pages: true}
		for g := range 3 {
			chunk := g*5 + 1
			strides(d, h, chunks[chunk].Off, chunks[chunk].End, 1<<30)
			if p := d.read(time.Unix(0, 0), h, behind(chunk), sheetStride, room); p.doubt != (again == 0) {
				t.Errorf("time %d: behind chunk %d it is %v", again, chunk, p)
			}
		}
		d.close(h)
		d.streams = nil // as after a while
	}
}
