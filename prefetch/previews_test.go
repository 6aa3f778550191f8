package prefetch_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zs3fs/zs3fs/prefetch"
)

// TestPreviewsBalance: whatever is opened, read, closed and fails, by several threads, the files
// ahead stay within the limits, and in the end none is left and all are counted once.
func TestPreviewsBalance(t *testing.T) {
	var all prefetch.FilesStats
	for seed := range uint64(12) {
		rng := rand.New(rand.NewPCG(seed, 1))
		s := tableShape()
		s.memory = int64(64<<rng.IntN(6)) * block
		limit := []int{1, 3, 64}[rng.IntN(3)]
		broken := rng.IntN(2) == 0
		inTable(t, s, 60, limit, func(d *tableFiles) {
			if broken {
				var mu sync.Mutex
				faults := rand.New(rand.NewPCG(seed, 2))
				d.w.src.set(func(off, n int64) error {
					mu.Lock()
					defer mu.Unlock()
					if faults.IntN(6) == 0 {
						return errors.New("broken")
					}
					return nil
				})
			}
			var wg sync.WaitGroup
			for thread := range 4 {
				rng := rand.New(rand.NewPCG(seed, 3+uint64(thread)))
				wg.Go(func() {
					at := 0
					var kept []*prefetch.Reader
					for range 40 {
						switch rng.IntN(8) {
						case 0:
							at = rng.IntN(len(d.objs))
						case 1: // again
						default:
							at = (at + 1) % len(d.objs)
						}
						r := d.open(at)
						kept = append(kept, r)
						reads := [][2]int64{{d.tb.content.Size() - 8, 8}}
						if rng.IntN(3) == 0 { // a column of the first row group, and no footers only
							reads = append(reads, [2]int64{d.tb.offs[1], d.tb.offs[2] - d.tb.offs[1]})
						}
						for _, s := range reads {
							if res, err := r.Read(context.Background(), make([]byte, s[1]), s[0]); err == nil {
								res.Release()
							}
						}
						for len(kept) > rng.IntN(4) {
							kept[0].Close()
							kept = kept[1:]
						}
						time.Sleep(time.Duration(rng.IntN(50)) * time.Millisecond)
						st := d.files.Stats()
						if st.Ahead > int64(16*min(limit, 16)) || st.AheadBytes < 0 || st.AheadBytes > s.memory ||
							st.Guessed != st.Useful+st.Wasted+st.Failed+st.Ahead {
							t.Errorf("seed %d: %+v of %d bytes", seed, st, s.memory)
						}
					}
					for _, r := range kept {
						r.Close()
					}
				})
			}
			wg.Wait()
			st := d.files.Stats()
			all.Useful, all.Failed = all.Useful+st.Useful, all.Failed+st.Failed
			if seed%2 == 0 { // else Close comes amid it
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				if st := d.files.Stats(); st.Ahead != 0 || st.AheadBytes != 0 {
					t.Errorf("seed %d: nobody opens any more: %+v", seed, st)
				}
			}
		})
	}
	if all.Useful == 0 || all.Failed == 0 {
		t.Errorf("not all has come to pass: %+v", all)
	}
}
