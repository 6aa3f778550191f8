package blockcache_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/zs3fs/zs3fs/blockcache"
)

// Who is told not to believe the disk while a seal is being looked at must not believe
// that seal.
func TestDistrustWhileASealIsLookedAt(t *testing.T) {
	dir := t.TempDir()
	obj := codedObject("a", 5*kib)
	seeded(t, dir, obj)
	synctest.Test(t, func(t *testing.T) {
		var looking atomic.Bool
		reached, goOn := make(chan struct{}), make(chan struct{})
		c := openFaulty(t, config(dir, 1000), blockcache.Faults{
			ZFS: true,
			Pread: func(_ []byte, off int64, real func() (int, error)) (int, error) {
				if off == blockcache.EntriesOffset && looking.CompareAndSwap(true, false) {
					close(reached)
					<-goOn
				}
				return real()
			},
		})
		defer closeCache(t, c)
		synctest.Wait() // the sweep is over
		v := c.Version(obj)
		defer v.Close()
		looking.Store(true)
		got := make(chan *blockcache.Backing, 1)
		go func() {
			b, err := v.Passthrough(t.Context())
			if err != nil {
				t.Error(err)
			}
			got <- b
		}()
		<-reached
		c.Distrust()
		close(goOn)
		if b := <-got; b != nil {
			b.Release()
			t.Error("the kernel was given what nobody has compared with its checksum")
		}
		fill(t, c, &source{}, obj)
		backing(t, v, true).Release()
	})
}
