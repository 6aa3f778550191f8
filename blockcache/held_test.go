package blockcache_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"

	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/blockcache"
	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// What the kernel reads by itself is neither punched nor unlinked, whatever else
// has to go; when nothing else is left, new blocks are not cached.
func TestWhatTheKernelReadsStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, config(t.TempDir(), 30))
		defer closeCache(t, c)
		src := &source{}
		a, b := codedObject("a", 10*kib), codedObject("b", 10*kib)
		fill(t, c, src, a)
		va := c.Version(a)
		defer va.Close()
		held, err := va.Passthrough(t.Context())
		if err != nil || held == nil {
			t.Fatalf("no backing: %v", err)
		}
		fill(t, c, src, b)
		fill(t, c, src, codedObject("scan", 100*kib))
		if n := cachedBlocks(c, b); n != 0 {
			t.Errorf("%d blocks are left of what nobody reads", n)
		}
		whole := make([]byte, a.Size)
		if n, err := unix.Pread(held.Fd(), whole, 0); err != nil || int64(n) != a.Size {
			t.Fatal(n, err)
		}
		check(t, whole, 0)

		c.SetBudget(10*kib, 0) // room for it alone
		synctest.Wait()
		before := c.Stats()
		fill(t, c, src, codedObject("more", 5*kib))
		// One that is read when it has been dropped already is offered again.
		if s := c.Stats(); s.DiskBytes != 10*kib || s.Written != before.Written || s.Dropped < before.Dropped+5 {
			t.Errorf("%+v, before %+v", s, before)
		}
		if n := cachedBlocks(c, a); n != 10 {
			t.Errorf("%d blocks", n)
		}
		held.Release()
		fill(t, c, src, codedObject("at last", 5*kib))
		if s := c.Stats(); s.DiskBytes > s.Budget || s.Written == before.Written {
			t.Errorf("released: %+v", s)
		}
	})
}

// Eight readers scan twice the cache at once, in a file larger than all of it and
// in small ones: the budget holds, by our account and by the file system's, and
// reads never fail.
func TestEightReadersScanTwiceTheCache(t *testing.T) {
	const block, budget = 64 * kib, 160
	dir := t.TempDir()
	cfg := config(dir, 0)
	cfg.BlockSize, cfg.Budget, cfg.WriteQueue = block, budget*block, 16*block
	cfg.Memory = blockcache.NewMemory(64*block, block)
	var worst struct {
		sync.Mutex
		bytes int64
	}
	c := openFaulty(t, cfg, blockcache.Faults{
		Pwrite: func(p []byte, _ int64, real func() (int, error)) (int, error) {
			if len(p) != block {
				return real()
			}
			// No block is written while the files are added up: one that moves on
			// meanwhile would be seen twice.
			worst.Lock()
			defer worst.Unlock()
			n, err := real()
			worst.bytes = max(worst.bytes, onDisk(t, dir))
			return n, err
		},
	})
	large := codedObject("large", 2*budget*block)
	var readers sync.WaitGroup
	for i := range 8 {
		readers.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(i)))
			scratch := make([]byte, block)
			read := func(obj s3backend.Object, from, n int64) {
				v := c.Version(obj)
				defer v.Close()
				for off := from; off < min(from+n, obj.Size); off += block {
					if _, err := readOnce(t.Context(), v, &source{}, scratch, off, block, func(p []byte) error {
						return s3test.CheckCoded(p, off, seed, 1)
					}); err != nil {
						t.Error(err)
					}
					if s := c.Stats(); s.DiskBytes > cfg.Budget {
						t.Errorf("%d bytes of %d", s.DiskBytes, cfg.Budget)
					}
				}
			}
			// The writers drop what they cannot follow: go on until they had enough.
			for j := 0; j < 8 || c.Stats().Evicted < 2*budget; j++ {
				read(large, int64(i)*large.Size/8, large.Size/8)
				read(codedObject(fmt.Sprint(i, j), int64(1+r.IntN(9))*block), 0, large.Size)
			}
		})
	}
	readers.Wait()
	closeCache(t, c)
	// A file in many pieces takes some 4 KiB more for the list of them.
	if worst.bytes > cfg.Budget+block/2 || worst.bytes < cfg.Budget/2 {
		t.Errorf("files took up to %d bytes of %d", worst.bytes, cfg.Budget)
	}
	if s := c.Stats(); s.Evicted == 0 || s.WriteErrors != 0 {
		t.Errorf("%+v", s)
	}
}
