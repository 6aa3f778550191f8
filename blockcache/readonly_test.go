package blockcache_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/blockcache"
)

// F48, F56: a full cache on a disk that lets nothing go is left alone for a while, like
// one that takes nothing, and is not asked version by version for each new block.
func TestFullCacheOnAReadOnlyDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		var tries atomic.Int64
		c := openFaulty(t, config(t.TempDir(), 100), blockcache.Faults{
			Pwrite: func(_ []byte, _ int64, real func() (int, error)) (int, error) {
				if broken.Load() {
					tries.Add(1)
					return 0, unix.EROFS
				}
				return real()
			},
		})
		defer closeCache(t, c)
		src := &source{}
		for i := range 100 {
			obj := codedObject(fmt.Sprint("old ", i), kib)
			v := c.Version(obj)
			defer v.Close()
			fill(t, c, src, obj)
			readAll(t, v, src, kib)
		}
		// Its files are open, and what is new of it needs no others.
		large := codedObject("large", 40*kib)
		v := c.Version(large)
		defer v.Close()
		fetch(t, v, src, 0, 1, true)
		synctest.Wait()
		broken.Store(true)
		fill(t, c, src, large)
		if n := tries.Load(); n > 5 {
			t.Errorf("%d writes tried within the pause", n)
		}
		if why, _ := c.Paused(); why != unix.EROFS.Error() {
			t.Errorf("caching pauses for %q", why)
		}
		broken.Store(false)
		time.Sleep(time.Minute)
		obj := codedObject("after", 10*kib)
		fill(t, c, src, obj)
		if n := cachedBlocks(c, obj); n != 10 {
			t.Errorf("%d blocks cached after the repair", n)
		}
	})
}
