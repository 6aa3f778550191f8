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
// version's blocks once: it is made anew. So does one of which a later page cannot be
// read, by which nothing else is kept from being cached.
func TestUnreadableMapIsMadeAnew(t *testing.T) {
	for _, tt := range []struct {
		what   string
		blocks int64
		at     int64 // what cannot be read begins here
	}{{"header", 40, 0}, {"second page", 600, blockcache.EntriesOffset + 4096}} {
		t.Run(tt.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { unreadableMap(t, tt.blocks, tt.at) })
		})
	}
}

func unreadableMap(t *testing.T, blocks, at int64) {
	dir := t.TempDir()
	src, obj := &source{}, codedObject("a", blocks*kib)
	c := openFaulty(t, config(dir, 2000), blockcache.Faults{})
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
	c = openFaulty(t, config(dir, 2000), blockcache.Faults{
		Pread: func(p []byte, off int64, real func() (int, error)) (int, error) {
			now, err := os.Stat(maps[0])
			if err == nil && os.SameFile(now, rotten) && off == at && len(p) != kib { // no block of the data
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
	if present, _ := v.Cached(); present != blocks || failed.Load() == 0 {
		t.Errorf("%d of %d blocks are cached, after %d failed reads", present, blocks, failed.Load())
	}
}
