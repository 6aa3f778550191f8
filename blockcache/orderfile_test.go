package blockcache_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zs3fs/zs3fs/blockcache"
	"github.com/zs3fs/zs3fs/s3backend"
)

// used fills a cache with six versions, a minute apart by their files, of which only
// the first is used again.
func used(t *testing.T, dir string, c *blockcache.Cache) (objects []s3backend.Object) {
	src := &source{}
	seen := map[string]bool{}
	for i := range 6 {
		objects = append(objects, codedObject(fmt.Sprint("version ", i), 5*kib))
		fill(t, c, src, objects[i])
		c.Version(objects[0]).Close()
		data, _ := files(t, dir)
		at := time.Unix(1e9, 0).Add(time.Duration(i) * time.Minute)
		for _, path := range data {
			if !seen[path] {
				seen[path] = true
				if err := os.Chtimes(path, at, at); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return objects
}

// left evicts all but so many blocks, and returns how many are left of each.
func left(c *blockcache.Cache, budget int64, objects []s3backend.Object) (blocks []int64) {
	synctest.Wait()
	c.SetBudget(budget*kib, 0)
	synctest.Wait()
	for _, obj := range objects {
		blocks = append(blocks, cachedBlocks(c, obj))
	}
	return blocks
}

func TestOrderSurvivesARestart(t *testing.T) {
	want := fmt.Sprint([]int64{5, 0, 0, 0, 0, 5})
	for name, disturb := range map[string]func(t *testing.T, dir string) bool{
		"clean stop": func(*testing.T, string) bool { return true },
		// Without the order the first is the oldest, by its time of writing.
		"removed": func(t *testing.T, dir string) bool { return os.Remove(filepath.Join(dir, "order")) != nil },
		"flipped": func(t *testing.T, dir string) bool { return flip(filepath.Join(dir, "order")) != nil },
		"cut": func(t *testing.T, dir string) bool {
			st, err := os.Stat(filepath.Join(dir, "order"))
			return errFirst(err, os.Truncate(filepath.Join(dir, "order"), st.Size()-1)) != nil
		},
		"a directory": func(t *testing.T, dir string) bool {
			return errFirst(os.Remove(filepath.Join(dir, "order")), os.Mkdir(filepath.Join(dir, "order"), 0o700)) != nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				c := open(t, config(dir, 50))
				objects := used(t, dir, c)
				closeCache(t, c)
				kept := disturb(t, home(t, dir))
				c = open(t, config(dir, 50))
				got := left(c, 10, objects)
				if (fmt.Sprint(got) == want) != kept || c.Stats().DiskBytes > 10*kib {
					t.Errorf("left: %v", got)
				}
				closeCache(t, c)
				c = open(t, config(dir, 50)) // what was damaged is written anew
				if again := left(c, 10, objects); fmt.Sprint(again) != fmt.Sprint(got) {
					t.Errorf("left: %v, before %v", again, got)
				}
				closeCache(t, c)
			})
		})
	}
}

// The order is saved now and then: after a kill the last one counts, and what was
// written since is the newest.
func TestOrderSurvivesAKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, next := t.TempDir(), filepath.Join(t.TempDir(), "next")
		c := open(t, config(dir, 50))
		objects := used(t, dir, c)
		time.Sleep(6 * time.Minute)
		synctest.Wait()
		late := codedObject("later", 5*kib)
		fill(t, c, &source{}, late)
		if err := copyCache(dir, next); err != nil {
			t.Fatal(err)
		}
		closeCache(t, c)
		c = open(t, config(next, 50))
		if got := left(c, 10, append(objects, late)); fmt.Sprint(got) != fmt.Sprint([]int64{5, 0, 0, 0, 0, 0, 5}) {
			t.Errorf("left: %v", got)
		}
		closeCache(t, c)
	})
}

// The ghost survives, too: what went not long before the stop is worth more when
// it comes back.
func TestGhostSurvivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		src := &source{}
		a := codedObject("a", 5*kib)
		c := open(t, config(dir, 50))
		fill(t, c, src, a)
		fill(t, c, src, codedObject("scan", 50*kib))
		if n := cachedBlocks(c, a); n != 0 {
			t.Fatalf("%d blocks", n)
		}
		closeCache(t, c)
		c = open(t, config(dir, 50))
		synctest.Wait()
		fill(t, c, src, a)
		fill(t, c, src, codedObject("another scan", 200*kib))
		if n := cachedBlocks(c, a); n != 5 {
			t.Errorf("%d blocks", n)
		}
		closeCache(t, c)
	})
}

func FuzzOrderFile(f *testing.F) {
	f.Add([]byte{})
	f.Add(blockcache.OrderFile(nil))
	f.Add(blockcache.OrderFile(make([]byte, 90)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if records := blockcache.DecodeOrder(raw); records != nil && string(blockcache.OrderFile(records)) != string(raw) {
			t.Errorf("%x decoded to %x", raw, records)
		}
		// As records, anything goes.
		if got := blockcache.DecodeOrder(blockcache.OrderFile(raw)); len(raw)%45 == 0 && string(got) != string(raw) {
			t.Errorf("%x came back as %x", raw, got)
		}
	})
}
