package prefetch

import (
	"testing"
	"time"
)

// TestWhole: who has read a file to its end is known for it, also where the kernel's last
// reads overtook each other; who left out what is before the end is not.
func TestWhole(t *testing.T) {
	const block, size = 1 << 20, 9<<20 + 12345
	for name, tt := range map[string]struct {
		last  []int64 // of blocks, in the order in which they are read
		whole bool
	}{
		"in order":             {[]int64{6, 7, 8, 9}, true},
		"the end overtook":     {[]int64{6, 7, 9, 8}, true},
		"by two":               {[]int64{6, 9, 8, 7}, true},
		"without the end":      {[]int64{6, 7, 8}, false},
		"the end after a gap":  {[]int64{6, 7, 9}, false},
		"the end, not all yet": {[]int64{6, 9, 7}, false},
	} {
		d := detector{limits: newLimits(size, block, 8*block, 192*block, 512<<10)}
		h, now := &handle{pages: true}, time.Unix(0, 0)
		for _, b := range append([]int64{0, 1, 2, 3, 4, 5}, tt.last...) {
			now = now.Add(time.Millisecond)
			d.read(now, h, b*block, min(block, size-b*block), func() int64 { return 100 })
		}
		if (d.whole > 0) != tt.whole {
			t.Errorf("%s: a window of %d", name, d.whole)
		}
	}
	// A footer that was read first says nothing of where others end.
	d := detector{limits: newLimits(size, block, 8*block, 192*block, 512<<10)}
	h := &handle{pages: true}
	for _, b := range []int64{9, 0, 1, 2, 3, 4, 5, 6, 7, 8} {
		d.read(time.Unix(b, 0), h, b*block, min(block, size-b*block), func() int64 { return 100 })
	}
	if d.whole != 0 {
		t.Errorf("a window of %d behind a footer", d.whole)
	}
}
