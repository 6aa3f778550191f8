package prefetch_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
)

// F2: while the server refuses, fewer and fewer guesses are made and the reader goes
// on with what it waits for; and the guesses come back.
func TestThrottledServerStopsGuessesFirst(t *testing.T) {
	run(t, near(8*mi), func(w *world) {
		r := w.open()
		defer w.close(r)
		var at atomic.Int64
		read := func(to int64) {
			for ; at.Load() < to; at.Add(block) {
				w.read(r, at.Load(), block)
			}
		}
		read(mi / 2)
		if st := w.crew.Stats(); st.GuessLimit != 24 || st.Limit != 32 {
			t.Fatalf("before: %+v", st)
		}
		w.src.set(func(off, n int64) error {
			if off <= at.Load() && at.Load() < off+n {
				return nil
			}
			w.src.refused.Add(1)
			return s3backend.ErrThrottled
		})
		before, _, _ := w.src.seen()
		began := at.Load()
		for start := time.Now(); time.Since(start) < 10*time.Second; {
			read(at.Load() + block)
		}
		after, _, _ := w.src.seen()
		blocks, requests := (at.Load()-began)/block, int64(after-before)
		if st := w.crew.Stats(); st.GuessLimit > 2 || requests > 3*blocks || blocks < 200 {
			t.Errorf("throttled: %d requests for %d blocks, %+v", requests, blocks, st)
		}
		w.src.set(nil)
		for end := at.Load() + 4*mi; at.Load() < end; at.Add(block) {
			w.read(r, at.Load(), block)
		}
		if st := w.crew.Stats(); st.GuessLimit != 24 {
			t.Errorf("after: %+v", st)
		}
	})
}
