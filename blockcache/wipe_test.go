package blockcache_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"

	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/blockcache"
)

// F45, F46, F48: blocks are evicted on a disk that takes no map, or frees nothing. What
// the map says stays what there is, and what is counted, through it and after it.
func TestEvictionOnAFailingDisk(t *testing.T) {
	const block, budget = 64 * kib, 20
	for name, tt := range map[string]struct {
		mapErr, punchErr error
		punched          bool // the map can be written once something was freed
	}{
		"the map cannot be written":         {mapErr: unix.EIO},
		"the map is read-only":              {mapErr: unix.EROFS},
		"the map has room after the blocks": {mapErr: unix.ENOSPC, punched: true},
		"over quota until blocks are freed": {mapErr: unix.EDQUOT, punched: true},
		"nothing is freed":                  {punchErr: unix.EIO},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				var broken atomic.Bool
				var met, freed atomic.Int64
				cfg := config(dir, 0)
				cfg.BlockSize, cfg.Budget = block, budget*block
				cfg.Memory = blockcache.NewMemory(0, block)
				cfg.WriteQueue = 4 * block
				cfg.Verify = blockcache.VerifyAlways
				c := openFaulty(t, cfg, blockcache.Faults{
					Pwrite: func(p []byte, _ int64, real func() (int, error)) (int, error) {
						if broken.Load() && len(p) < block && tt.mapErr != nil && (!tt.punched || freed.Load() == 0) {
							met.Add(1)
							return 0, tt.mapErr
						}
						return real()
					},
					Punch: func(_, _ int64, real func() error) error {
						if broken.Load() && tt.punchErr != nil {
							met.Add(1)
							return tt.punchErr
						}
						freed.Add(1)
						return real()
					},
				})
				src := &source{}
				obj := codedObject("a", 60*block)
				v := c.Version(obj)
				scratch := make([]byte, block)
				read := func(from, to int64) {
					for i := from; i < to; i++ {
						if _, err := readOnce(t.Context(), v, src, scratch, i*block, block, func([]byte) error { return nil }); err != nil {
							t.Fatal(err)
						}
						synctest.Wait()
						if n := c.Stats().DiskBytes; n > cfg.Budget {
							t.Fatalf("%d bytes of %d", n, cfg.Budget)
						}
					}
				}
				read(0, budget)
				freed.Store(0)
				broken.Store(true)
				read(budget, budget+10)
				broken.Store(false)
				if met.Load() == 0 {
					t.Fatal("nothing met the trouble")
				}
				counted := c.Stats().DiskBytes
				present, _ := v.Cached()
				if present*block != counted {
					t.Errorf("%d blocks present, %d bytes counted", present, counted)
				}
				v.Close()
				closeCache(t, c)
				if n := onDisk(t, dir); n < counted {
					t.Errorf("%d bytes counted, %d on disk", counted, n)
				}
				c = open(t, cfg)
				defer closeCache(t, c)
				again := &source{}
				v = c.Version(obj)
				defer v.Close()
				if n, _ := v.Cached(); n != present {
					t.Errorf("%d blocks present after a restart, %d before", n, present)
				}
				readAll(t, v, again, int(block))
				if n := c.Stats().Mismatches; n != 0 {
					t.Errorf("%d blocks did not match", n)
				}
			})
		})
	}
}
