package blockcache_test

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/blockcache"
)

// F47: a map that cannot be read, as ZFS says of a rotten record for ever, costs the
// version's blocks once: it is made anew.
func TestUnreadableMapIsMadeAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		src, obj := &source{}, codedObject("a", 40*kib)
		c := openFaulty(t, config(dir, 1000), blockcache.Faults{})
		fill(t, c, src, obj)
		closeCache(t, c)
		maps, err := filepath.Glob(filepath.Join(dir, "*", "objects", "*", "*.map"))
		if err != nil || len(maps) != 1 {
			t.Fatalf("%q, %v", maps, err)
		}
		held, err := os.Open(maps[0]) // so that its inode gets no other file
		if err != nil {
			t.Fatal(err)
		}
		defer held.Close()
		rotten, err := held.Stat()
		if err != nil {
			t.Fatal(err)
		}
		var failed atomic.Int64
		c = openFaulty(t, config(dir, 1000), blockcache.Faults{
			Pread: func(p []byte, off int64, real func() (int, error)) (int, error) {
				now, err := os.Stat(maps[0])
				if err == nil && os.SameFile(now, rotten) && len(p) < kib && off == 0 {
					failed.Add(1)
					return 0, unix.EIO
				}
				return real()
			},
		})
		defer closeCache(t, c)
		fill(t, c, src, obj)
		time.Sleep(time.Minute) // whatever pauses, is over
		fill(t, c, src, obj)
		v := c.Version(obj)
		defer v.Close()
		if present, _ := v.Cached(); present != 40 || failed.Load() == 0 {
			t.Errorf("%d blocks are cached, after %d failed reads", present, failed.Load())
		}
	})
}

// TestUnreadablePageOfAMap: a page of a map that the disk cannot read is not met for ever:
// the version is made anew, as with a bad header.
func TestUnreadablePageOfAMap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		src, obj := &source{}, codedObject("a", 600*kib)
		c := openFaulty(t, config(dir, 2000), blockcache.Faults{})
		fill(t, c, src, obj)
		closeCache(t, c)
		maps, _ := filepath.Glob(filepath.Join(dir, "*", "objects", "*", "*.map"))
		held, err := os.Open(maps[0])
		if err != nil {
			t.Fatal(err)
		}
		defer held.Close()
		rotten, _ := held.Stat()
		var failed atomic.Int64
		c = openFaulty(t, config(dir, 2000), blockcache.Faults{
			Pread: func(p []byte, off int64, real func() (int, error)) (int, error) {
				now, err := os.Stat(maps[0])
				if err == nil && os.SameFile(now, rotten) && off == blockcache.EntriesOffset+4096 {
					failed.Add(1)
					return 0, unix.EIO
				}
				return real()
			},
		})
		defer closeCache(t, c)
		synctest.Wait()
		for range 5 {
			fill(t, c, src, obj)
			time.Sleep(10 * time.Minute) // of the bubble's
		}
		v := c.Version(obj)
		defer v.Close()
		if n, _ := v.Cached(); n != 600 {
			t.Errorf("%d of 600 blocks are cached after an hour, %d failed reads", n, failed.Load())
		}
	})
}
