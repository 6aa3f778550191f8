package blockcache_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"

	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/blockcache"
)

// A block that is met as damaged before the sweep has come to its version, and of which
// the space is freed only after, is neither counted for ever nor taken off uncounted.
func TestBlockBeingFreedWhenTheSweepCounts(t *testing.T) {
	dir := t.TempDir()
	obj := codedObject("a", 5*kib)
	seeded(t, dir, obj)
	data, _ := files(t, dir)
	if err := flip(data[0]); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		order := len(blockcache.OrderFile(make([]byte, 45))) // of one version: read before all else
		sweep, heal := make(chan struct{}), make(chan struct{})
		c := openFaulty(t, config(dir, 1000), blockcache.Faults{
			Pread: func(p []byte, _ int64, real func() (int, error)) (int, error) {
				if len(p) == order {
					<-sweep
				}
				return real()
			},
			Punch: func(_, _ int64, real func() error) error {
				<-heal
				return real()
			},
		})
		defer closeCache(t, c)
		v := c.Version(obj)
		defer v.Close()
		readAll(t, v, &source{}, kib)
		synctest.Wait()
		if s := c.Stats(); s.Mismatches == 0 || s.DiskBytes != 0 {
			t.Fatalf("before the sweep: %+v", s)
		}
		close(sweep)
		synctest.Wait()
		close(heal)
		synctest.Wait()
		present, _ := v.Cached()
		if s := c.Stats(); s.DiskBytes != present*kib {
			t.Errorf("%d bytes counted of %d blocks", s.DiskBytes, present)
		}
	})
}

// secondPageFails has the second page of each map unreadable as long as bad says so, and
// counts how often that was met.
func secondPageFails(met *atomic.Int64, bad func() bool) blockcache.Faults {
	return blockcache.Faults{Pread: func(_ []byte, off int64, real func() (int, error)) (int, error) {
		if off == blockcache.EntriesOffset+4096 && bad() {
			met.Add(1)
			return 0, unix.EIO
		}
		return real()
	}}
}

// A version that the sweep cannot read to its end is counted when it is opened, and not
// in part: what is evicted of it later was counted before.
func TestSweepFailsOnAPage(t *testing.T) {
	dir := t.TempDir()
	obj := codedObject("a", 600*kib) // two pages
	seeded(t, dir, obj)
	synctest.Test(t, func(t *testing.T) {
		var failed atomic.Int64
		c := openFaulty(t, config(dir, 1000), secondPageFails(&failed, func() bool { return failed.Load() == 0 }))
		defer closeCache(t, c)
		synctest.Wait()
		v := c.Version(obj)
		defer v.Close()
		present, _ := v.Cached()
		if s := c.Stats(); present != 600 || s.DiskBytes != present*kib {
			t.Errorf("%d bytes counted of %d blocks", s.DiskBytes, present)
		}
		c.SetBudget(100*kib, 0)
		synctest.Wait()
		present, _ = v.Cached()
		if s := c.Stats(); present > 100 || s.DiskBytes != present*kib || failed.Load() == 0 {
			t.Errorf("%d bytes counted of %d blocks, after %d failed reads", s.DiskBytes, present, failed.Load())
		}
	})
}
