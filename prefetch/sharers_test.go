package prefetch

import (
	"testing"
	"time"
)

// TestSharers: the streams of files that are read count, and no others.
func TestSharers(t *testing.T) {
	var s sharers
	var a, b, c file
	at := func(ms int) time.Time { return time.UnixMilli(int64(ms)) }
	want := func(when int, f *file, n int) {
		t.Helper()
		if got := s.others(f, at(when)); got != n {
			t.Errorf("after %d ms: %d streams of others, want %d", when, got, n)
		}
	}
	want(0, nil, 0)
	s.take(&a, 1, at(0))
	s.take(&b, 4, at(100))
	want(100, &a, 4)
	want(100, &b, 1)
	want(100, &c, 5)
	s.take(&b, 2, at(500))
	want(500, &a, 2)
	// a has not been read for more than a second, b has.
	want(1001, &b, 0)
	want(1001, nil, 2)
	s.take(&a, 1, at(1002)) // and is read again
	want(1002, &b, 1)
	s.take(&b, 0, at(1003))
	s.take(&b, 0, at(1004))
	want(1004, &a, 0)
	want(1004, nil, 1)
	want(5000, nil, 0)
	if s.byUse.Len() != 0 || a.sharer != nil || b.sharer != nil {
		t.Errorf("%d are kept", s.byUse.Len())
	}
}
