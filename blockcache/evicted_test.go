package blockcache_test

import (
	"math/rand/v2"
	"os"
	"testing"
	"testing/synctest"

	"github.com/zs3fs/zs3fs/blockcache"
)

// F61: an open file of which much was evicted, and of which an eviction has looked at
// stretches without anything to evict, is watched as before: what others change in it
// is noticed by reads that do not look at all of a block.
func TestDamageAfterEviction(t *testing.T) {
	const block, budget, blocks = 64 * kib, 20, 60
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		cfg := config(dir, 0)
		cfg.BlockSize, cfg.Budget = block, budget*block
		cfg.Memory = blockcache.NewMemory(0, block)
		cfg.WriteQueue = 4 * block
		c := open(t, cfg)
		defer closeCache(t, c)
		obj := codedObject("a", blocks*block)
		src := &source{}
		v := c.Version(obj)
		defer v.Close()
		r := rand.New(rand.NewPCG(1, 1))
		for range 4 {
			for _, n := range r.Perm(blocks) {
				i := int64(n)
				if _, err := readOnce(t.Context(), v, src, make([]byte, block), i*block, block, func([]byte) error { return nil }); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
			}
		}
		if s := c.Stats(); s.Evicted == 0 || s.DiskBytes == 0 {
			t.Fatalf("the story needs an eviction: %+v", s)
		}
		data, _ := files(t, dir)
		f, err := os.OpenFile(data[0], os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for i := range int64(blocks) { // not the holes
			var b [1]byte
			at := i*block + 50
			if _, err := f.ReadAt(b[:], at); err != nil {
				t.Fatal(err)
			}
			b[0] ^= 1
			if _, err := f.WriteAt(b[:], at); err != nil {
				t.Fatal(err)
			}
		}
		readAll(t, v, src, 100)
	})
}
