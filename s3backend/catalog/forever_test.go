package catalog_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zs3fs/zs3fs/s3backend/catalog"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// What never expires is the version that was seen first: by who looks a file up, and
// lists its directory after it was replaced, in this mount and the next one.
func TestForeverIsTheFirstVersion(t *testing.T) {
	for name, remount := range map[string]bool{"this mount": false, "the next": true} {
		t.Run(name, func(t *testing.T) { checkForever(t, remount) })
	}
}

func checkForever(t *testing.T, remount bool) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpy()
		s.put("d/f", "d/g", "d/gone")
		cfg := catalog.Config{Bucket: s, TTL: -1}
		dir := roomAt(t.TempDir())
		ctx := context.Background()
		c, end := session(t, dir, cfg)
		seen := make(map[string]string)
		for _, path := range []string{"d/f", "d/gone"} {
			n, err := c.Lookup(ctx, path)
			if err != nil {
				t.Fatal(err)
			}
			seen[path] = n.Object.ETag
		}
		time.Sleep(time.Second)
		now := make(map[string]string)
		for _, key := range []string{"d/f", "d/g"} {
			now[key] = s.Put(key, s3test.Bytes([]byte("the second "+key))).ETag
		}
		s.Delete("d/gone")
		check := func(when string, c *catalog.Catalog) {
			t.Helper()
			snap := open(t, c, "d")
			for i := range 2 {
				if _, ok, err := snap.At(ctx, i); !ok || err != nil {
					t.Fatal(when, ok, err)
				}
			}
			if n, ok := snap.Find("f"); !ok || n.Object.ETag != seen["d/f"] || n.Fresh == 0 {
				t.Errorf("%s: listed as %+v, %v", when, n, ok)
			}
			for path, tag := range seen {
				if n, err := c.Lookup(ctx, path); err != nil || n.Object.ETag != tag {
					t.Errorf("%s: %s is %+v, %v", when, path, n, err)
				}
			}
			if n, err := c.Lookup(ctx, "d/g"); err != nil || n.Object.ETag != now["d/g"] {
				t.Errorf("%s: d/g, not seen before, is %+v, %v", when, n, err)
			}
		}
		if remount {
			end()
			c, end = session(t, dir, cfg)
		}
		check("listed", c)
		end()
		c, end = session(t, dir, cfg)
		check("remounted", c)
		c.Refresh("d/f")
		delete(seen, "d/gone")
		seen["d/f"] = now["d/f"]
		check("refreshed", c)
		end()
	})
}
