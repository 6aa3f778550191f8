package blockcache_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/zs3fs/zs3fs/blockcache"
)

// TestGuessesLetTheDiskCatchUp runs one flight of 96 blocks, whose source takes no
// time, against disks of different speeds and a queue of 16 blocks.
func TestGuessesLetTheDiskCatchUp(t *testing.T) {
	const blocks, hung = 96, -1
	for _, test := range []struct {
		name      string
		write     time.Duration // a block, each of two writers
		demand    bool
		most      time.Duration // that the flight takes
		dropsAll  bool          // more than half is not cached
		dropsNone bool
	}{
		{name: "guess, disk keeps up when waited for", write: 10 * time.Millisecond, most: time.Second, dropsNone: true},
		{name: "demand does not wait", write: 10 * time.Millisecond, demand: true, dropsAll: true},
		{name: "guess, disk too slow", write: hung, most: 100 * time.Millisecond, dropsAll: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				heal := make(chan struct{})
				cfg := config(t.TempDir(), 1000)
				cfg.WriteQueue = 16 * kib
				cfg.Memory = blockcache.NewMemory(200*kib, kib)
				c := openFaulty(t, cfg, blockcache.Faults{
					Pwrite: func(p []byte, _ int64, real func() (int, error)) (int, error) {
						if len(p) == kib && test.write == hung {
							<-heal
						} else if len(p) == kib {
							time.Sleep(test.write)
						}
						return real()
					},
				})
				synctest.Wait() // the sweep of nothing
				v := c.Version(codedObject("a", blocks*kib))
				start := time.Now()
				if err := v.Claim(0, blocks, test.demand).Run(t.Context(), &source{}); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); took > test.most {
					t.Errorf("the flight took %v, more than %v", took, test.most)
				}
				dropped := c.Stats().Dropped
				if test.dropsAll && dropped < blocks/2 || test.dropsNone && dropped > 0 {
					t.Errorf("%d of %d blocks not cached", dropped, blocks)
				}
				close(heal)
				v.Close()
				closeCache(t, c)
			})
		})
	}
}
