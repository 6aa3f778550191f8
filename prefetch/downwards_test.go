package prefetch_test

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Many threads go through an object downwards together, each taking the next piece:
// their reads overtake each other, and they are seen to be one stream.
func TestThreadsDownwards(t *testing.T) {
	for _, piece := range []int64{block, block / 4, 3 * block / 2} {
		run(t, near(mi), func(w *world) {
			r := w.open()
			defer w.close(r)
			var next atomic.Int64
			next.Store(mi)
			var wg sync.WaitGroup
			for seed := range uint64(16) {
				rng := rand.New(rand.NewPCG(seed, 1))
				wg.Go(func() {
					for {
						end := next.Add(-piece) + piece
						if end <= 0 {
							return
						}
						time.Sleep(time.Duration(rng.IntN(3000)) * time.Microsecond) // of the bubble: let others come first
						off := max(end-piece, 0)
						w.read(r, off, end-off)
					}
				})
			}
			wg.Wait()
			// Guesses may be given up and made again, but hardly a byte comes twice.
			if requests, bytes, _ := w.src.seen(); requests > 400 || bytes > mi*101/100 {
				t.Errorf("%d requests, %d bytes of %d in pieces of %d", requests, bytes, mi, piece)
			}
		})
	}
}
