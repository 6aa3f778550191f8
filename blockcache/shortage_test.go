package blockcache_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zs3fs/zs3fs/blockcache"
)

func TestSetBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, config(t.TempDir(), 40))
		defer closeCache(t, c)
		src := &source{}
		a := codedObject("a", 20*kib)
		held := c.Version(a) // an open version loses blocks, a closed one goes
		defer held.Close()
		fill(t, c, src, a)
		fill(t, c, src, codedObject("b", 20*kib))
		c.SetBudget(15*kib, 0)
		synctest.Wait()
		if s := c.Stats(); s.DiskBytes > 15*kib || s.DiskBytes < 10*kib || s.Budget != 15*kib {
			t.Errorf("lowered: %+v", s)
		}
		fill(t, c, src, codedObject("c", 20*kib))
		if s := c.Stats(); s.DiskBytes > 15*kib {
			t.Errorf("written to: %+v", s)
		}
		c.SetBudget(100*kib, 0)
		fill(t, c, src, codedObject("d", 70*kib))
		if s := c.Stats(); s.DiskBytes < 80*kib || s.DiskBytes > 100*kib {
			t.Errorf("raised: %+v", s)
		}
		c.SetBudget(0, 0)
		synctest.Wait()
		if s := c.Stats(); s.DiskBytes != 0 {
			t.Errorf("none: %+v", s)
		}
	})
}

// Freed space shows late on ZFS: what is missing is evicted once, not again at
// every look.
func TestFreedSpaceMayShowLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var free, late atomic.Int64
		free.Store(1 << 30)
		cfg := config(t.TempDir(), 1000)
		cfg.MinFree = 500 * kib
		c := openFaulty(t, cfg, blockcache.Faults{
			Free: func() (int64, error) { return free.Load() + late.Load(), nil },
		})
		defer closeCache(t, c)
		src := &source{}
		for _, key := range []string{"a", "b", "c", "d", "e"} {
			fill(t, c, src, codedObject(key, 40*kib))
		}
		free.Store(490 * kib) // others write; 10 blocks are missing
		for i := range 14 {
			time.Sleep(time.Second)
			fill(t, c, src, codedObject("reader "+string(rune('a'+i)), 5*kib))
		}
		if s := c.Stats(); s.Evicted < 10 || s.Evicted > 50 { // one version, and never a second one
			t.Errorf("%d blocks evicted for 10 that are missing", s.Evicted)
		}
		late.Store(c.Stats().Evicted * kib) // now it shows
		time.Sleep(2 * time.Second)
		before := c.Stats()
		fill(t, c, src, codedObject("f", 5*kib))
		if s := c.Stats(); s.Written != before.Written+5*kib || s.Evicted != before.Evicted {
			t.Errorf("%+v, before %+v", s, before)
		}
		time.Sleep(20 * time.Second)
		late.Store(0) // others again
		time.Sleep(time.Second)
		fill(t, c, src, codedObject("g", 20*kib))
		if s := c.Stats(); s.Evicted < before.Evicted+10 {
			t.Errorf("not evicted for what is missing later: %+v", s)
		}
	})
}

// Nothing is given up while the file system is asked for the first time.
func TestWritersWaitForTheFirstLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config(t.TempDir(), 1000)
		cfg.MinFree = 500 * kib
		answer := make(chan struct{})
		c := openFaulty(t, cfg, blockcache.Faults{
			Free: func() (int64, error) { <-answer; return 1 << 30, nil },
		})
		defer closeCache(t, c)
		v := c.Version(codedObject("a", 3*kib))
		defer v.Close()
		if err := v.Claim(0, 3, true).Run(t.Context(), &source{}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		close(answer)
		synctest.Wait()
		if s := c.Stats(); s.Written != 3*kib || s.Dropped != 0 {
			t.Errorf("%+v", s)
		}
	})
}
