package catalog_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/zs3fs/zs3fs/s3backend/catalog"
)

// Two who wait for directories that a walker is about to come to sleep until it has: they
// woke each other all the time, with both processors. (No time passes here while one runs.)
func TestTwoWaitForAWalk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newPaged("d/%03d/f", 100)
		b.SetPageSize(5)
		c := newCatalog(t, catalog.Config{Bucket: b, TTL: -1, ListAhead: true})
		list := func(dir string) {
			if l, err := c.List(context.Background(), dir); err != nil || l.Len() == 0 {
				t.Errorf("%s: %v, %v", dir, l, err)
			}
		}
		list("d")
		list("d/000")
		list("d/001")
		for i := 2; i < 100; i += 2 {
			var both sync.WaitGroup
			for _, n := range []int{i, i + 1} {
				both.Go(func() { list(fmt.Sprintf("d/%03d", n)) })
			}
			both.Wait()
		}
		if s := c.Stats(); s.AheadUseful < 10 {
			t.Errorf("hardly anything was listed ahead: %+v", s)
		}
	})
}
