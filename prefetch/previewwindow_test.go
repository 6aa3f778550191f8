package prefetch

import (
	"fmt"
	"testing"
	"time"
)

// Who stops after some files of a table has had no more fetched in vain than he opened, as with
// small files; who goes on has as many ahead as there may be.
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
		if got, want := s.window(limit), min(n+1, maxPreviews); got != want {
			t.Errorf("%d files ahead when %d were opened, want %d", got, n+1, want)
		}
	}
}
