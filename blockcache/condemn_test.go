package blockcache_test

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// F61: files that are given up after somebody else has removed them leave the
// accounting, too, and are not counted beside those that are made in their place.
func TestGivenUpAfterBeingRemoved(t *testing.T) {
	dir := t.TempDir()
	obj := codedObject("a", 600*kib) // two pages
	seeded(t, dir, obj)
	synctest.Test(t, func(t *testing.T) {
		var rotten atomic.Bool
		var failed atomic.Int64
		c := openFaulty(t, config(dir, 2000), secondPageFails(&failed, rotten.Load))
		defer closeCache(t, c)
		synctest.Wait()
		v := c.Version(obj)
		defer v.Close()
		src := &source{}
		scratch := make([]byte, kib)
		read := func(off int64) {
			t.Helper()
			if _, err := readOnce(t.Context(), v, src, scratch, off, kib, func([]byte) error { return nil }); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		read(0) // the files are open
		shards, err := filepath.Glob(filepath.Join(home(t, dir), "objects", "*"))
		if err != nil || len(shards) != 1 {
			t.Fatal(shards, err)
		}
		if err := os.RemoveAll(shards[0]); err != nil {
			t.Fatal(err)
		}
		rotten.Store(true)
		read(obj.Size - kib)
		rotten.Store(false)
		time.Sleep(time.Minute)
		for off := int64(0); off < obj.Size; off += kib {
			read(off)
		}
		present, _ := v.Cached()
		if s := c.Stats(); present < 599 || s.DiskBytes != present*kib || failed.Load() == 0 {
			t.Errorf("%d bytes counted of %d blocks, after %d failed reads", s.DiskBytes, present, failed.Load())
		}
	})
}
