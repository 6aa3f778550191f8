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
