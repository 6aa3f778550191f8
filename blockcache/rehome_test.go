package blockcache_test

import (
	"errors"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zs3fs/zs3fs/blockcache"
)

// F55, F61: a cache that was cleared by hand under a mount is filled again.
func TestRemovedDirectoryIsMadeAnew(t *testing.T) {
	for name, removed := range map[string]func(dir, home string) string{
		"the mount's": func(_, home string) string { return home },
		"the cache's": func(dir, _ string) string { return dir },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir() + "/cache"
				cfg := config(dir, 100)
				c := open(t, cfg)
				src := &source{}
				fill(t, c, src, codedObject("before", 10*kib))
				held := c.Version(codedObject("held", 10*kib))
				readAll(t, held, src, kib)
				synctest.Wait() // or RemoveAll would meet new files
				if err := os.RemoveAll(removed(dir, home(t, dir))); err != nil {
					t.Fatal(err)
				}
				fill(t, c, src, codedObject("first", 2*kib)) // finds it gone
				time.Sleep(time.Minute)
				fill(t, c, src, codedObject("after", 10*kib))
				readAll(t, held, src, kib)
				held.Close()
				before := src.requests.Load()
				fill(t, c, src, codedObject("after", 10*kib))
				if n := src.requests.Load() - before; n != 0 {
					t.Errorf("%d requests for what must be cached again", n)
				}
				_, err := blockcache.Open(cfg)
				if locked := (*blockcache.LockedError)(nil); !errors.As(err, &locked) {
					t.Errorf("the new directory is not locked: %v", err)
				}
				if _, err := os.Stat(home(t, dir) + "/unsynced"); err != nil {
					t.Error("a session that is killed now leaves no note of it")
				}
				closeCache(t, c)
				if fetched, stats := reread(t, dir, codedObject("after", 10*kib), 100); fetched != 0 || stats.DiskBytes > 22*kib {
					t.Errorf("after a restart %d requests, %d bytes counted", fetched, stats.DiskBytes)
				}
			})
		})
	}
}
