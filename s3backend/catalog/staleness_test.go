package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zs3fs/zs3fs/s3backend/catalog"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// past is what the bucket held, from when on.
type past struct {
	from time.Time
	keys map[string]string // ETags
}

// history remembers every state of a bucket, and what may be said of it.
type history struct {
	*paged
	rnd    *rand.Rand
	states []past
}

const (
	historyTTL         = time.Minute
	historyNegativeTTL = 5 * time.Second
)

// change puts, overwrites or deletes a key.
func (h *history) change() {
	keys := make(map[string]string)
	if n := len(h.states); n > 0 {
		keys = maps.Clone(h.states[n-1].keys)
	}
	key := ""
	for range h.rnd.IntN(4) {
		key += []string{"a/", "a-/", "b/", "c/", "d/", "e/"}[h.rnd.IntN(6)]
	}
	key += []string{"a", "a-", "f", "g", ""}[h.rnd.IntN(5)]
	switch {
	case key == "":
	case h.rnd.IntN(4) == 0:
		h.Delete(key)
		delete(keys, key)
	default:
		keys[key] = h.Put(key, s3test.Bytes(strconv.AppendUint(nil, h.rnd.Uint64(), 10))).ETag
	}
	h.states = append(h.states, past{time.Now(), keys})
}

// was returns what path may be said to be: an ETag, "dir" or "", as it was at some
// time since then.
func (h *history) was(path string, since time.Time) map[string]bool {
	may := make(map[string]bool)
	for i := len(h.states) - 1; i >= 0; i-- {
		s := h.states[i]
		is := s.keys[path]
		for k := range s.keys {
			if strings.HasPrefix(k, path+"/") {
				is = "dir"
			}
		}
		may[is] = true
		if !s.from.After(since) {
			break
		}
	}
	return may
}

func (h *history) check(t *testing.T, what, path, said string, ttl time.Duration) {
	t.Helper()
	if may := h.was(path, time.Now().Add(-ttl)); !may[said] {
		t.Fatalf("%s: %q is %q, may be %v", what, path, said, may)
	}
}

func saidOf(n catalog.Node) string {
	if n.Dir {
		return "dir"
	}
	return n.Object.ETag
}

// list lists a directory and goes down as deep as said.
func (h *history) list(t *testing.T, c *catalog.Catalog, dir string, depth int) {
	l, err := c.List(context.Background(), dir)
	if errors.Is(err, fs.ErrNotExist) {
		if may := h.was(dir, time.Now().Add(-historyTTL)); !may[""] && len(may) == 1 && may["dir"] {
			t.Fatalf("list %q: %v", dir, err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	for _, n := range l.From(0) {
		names[n.Name] = true
		h.check(t, "listed", strings.TrimPrefix(dir+"/"+n.Name, "/"), saidOf(n), historyTTL)
	}
	for _, name := range []string{"a", "a-", "b", "c", "d", "e", "f", "g"} {
		if !names[name] {
			h.check(t, "not listed", strings.TrimPrefix(dir+"/"+name, "/"), "", historyTTL)
		}
	}
	for _, n := range l.From(0) {
		if n.Dir && depth > 0 {
			h.list(t, c, strings.TrimPrefix(dir+"/"+n.Name, "/"), depth-1)
		}
	}
}

func (h *history) lookup(t *testing.T, c *catalog.Catalog, path string) {
	n, err := c.Lookup(context.Background(), path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		h.check(t, "lookup", path, "", historyNegativeTTL)
	case err != nil:
		t.Fatal(err)
	default:
		h.check(t, "lookup", path, saidOf(n), historyTTL)
	}
}

// Whatever is put, overwritten and deleted behind the catalog's back, each name is said
// to be what it was at some time within the TTL, also where it was listed ahead.
func TestNeverStaleBeyondItsWord(t *testing.T) {
	rounds := 40
	if n, err := strconv.Atoi(os.Getenv("ZS3FS_SOAK")); err == nil {
		rounds *= n
	}
	for seed := range rounds {
		synctest.Test(t, func(t *testing.T) {
			h := &history{paged: newPaged("", 0), rnd: rand.New(rand.NewPCG(uint64(seed), 1))}
			h.SetPageSize(1 + h.rnd.IntN(5))
			h.states = []past{{from: time.Now(), keys: map[string]string{}}}
			for range 60 {
				h.change()
			}
			c := newCatalog(t, catalog.Config{
				Bucket: h.paged, TTL: historyTTL, NegativeTTL: historyNegativeTTL, ListAhead: seed%4 != 0, Memory: 1 << 20,
			})
			defer c.Close()
			for range 150 {
				switch h.rnd.IntN(8) {
				case 0, 1:
					h.change()
				case 2:
					h.list(t, c, "", 4)
				case 3:
					h.list(t, c, []string{"a", "a-", "b", "a/a", "b/c"}[h.rnd.IntN(5)], h.rnd.IntN(3))
				case 4, 5:
					h.lookup(t, c, []string{"a", "a-", "b", "a/f", "b/c/g", "a/a/a", "f", "e/e"}[h.rnd.IntN(8)])
				case 6:
					c.Forget([]string{"a", "f", "b/f", "a/a"}[h.rnd.IntN(4)])
				case 7:
					time.Sleep(time.Duration(h.rnd.IntN(20)) * time.Second)
				}
				if t.Failed() {
					t.Fatal(fmt.Sprint("seed ", seed))
				}
			}
			if s := c.Stats(); seed == 1 && s.AheadUseful == 0 {
				t.Error("nothing was listed ahead: this test proves little")
			}
		})
	}
}
