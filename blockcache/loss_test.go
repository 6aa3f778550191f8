package blockcache_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/blockcache"
)

// What could not be written to the disk is right in memory, and later zeros, without a
// trace in the file's times: once that is known, nobody gets it, neither from a version
// that is open nor from another, nor after a restart.
func TestLossWhileMounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		var lost, gone atomic.Bool
		faults := blockcache.Faults{
			Boot: func() string { return "1" },
			Sync: func() error {
				if lost.Swap(false) { // told once
					return unix.EIO
				}
				return nil
			},
			Pread: func(p []byte, off int64, real func() (int, error)) (int, error) {
				n, err := real()
				if gone.Load() && (len(p) == kib || len(p) == 100) { // of the data
					clear(p)
				}
				return n, err
			},
		}
		c := openFaulty(t, config(dir, 1000), faults)
		defer closeCache(t, c)
		src := &source{}
		a, b := codedObject("a", 20*kib), codedObject("b", 20*kib) // more than memory
		fill(t, c, src, a)
		fill(t, c, src, b)
		v := c.Version(a)
		defer v.Close()
		readAll(t, v, src, 100) // verified
		lost.Store(true)
		time.Sleep(time.Minute)
		synctest.Wait()
		if lost.Load() {
			t.Error("nobody asked whether it came to the disk")
		}
		readAll(t, v, src, 100) // right still, in the kernel's memory
		gone.Store(true)
		if b, _ := v.Passthrough(t.Context()); b != nil {
			t.Error("the kernel is given what is lost")
			b.Release()
		}
		before := src.requests.Load()
		readAll(t, v, src, 100)
		w := c.Version(b)
		defer w.Close()
		readAll(t, w, src, 100)
		if n := src.requests.Load() - before; n != 40 {
			t.Errorf("%d of 40 lost blocks fetched", n)
		}
	})
}

// A cache that nothing is written to costs no sync.
func TestNoLossIsLookedForWhereNothingIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var syncs atomic.Int64
		c := openFaulty(t, config(t.TempDir(), 1000), blockcache.Faults{
			Sync: func() error { syncs.Add(1); return nil },
		})
		defer closeCache(t, c)
		time.Sleep(time.Hour)
		fill(t, c, &source{}, codedObject("a", 5*kib))
		time.Sleep(time.Hour)
		if n := syncs.Load(); n < 1 || n > 2 {
			t.Errorf("%d syncs", n)
		}
	})
}
