package prefetch

import (
	"fmt"
	"testing"
	"time"
)

// Who stops after some files of a table has had no more than twice as many fetched in vain, and
// of the first few fewer; who goes on has as many ahead as there may be.
func TestPreviewWindow(t *testing.T) {
	const files, limit = 40, 64
	after := func(n int) (next []NextFile) {
		for i := n + 1; i < files; i++ {
			next = append(next, NextFile{Path: fmt.Sprintf("t/%02d", i)})
		}
		return next
	}
	now := time.Unix(0, 0)
	s := newSequence(now, "t/00", after(0))
	for n := 1; n < files; n++ {
		s.open(now, fmt.Sprintf("t/%02d", n), after(n))
		want := min(2*n, maxPreviews)
		if n < 4 {
			want = []int{0, 1, 2, 4}[n]
		}
		if got := s.window(limit); got != want {
			t.Errorf("%d files ahead when %d came in order, want %d", got, n, want)
		}
	}
}
