package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/catalog"
)

// peeker is a spy that can tell more than one key.
type peeker struct{ *spy }

func (p peeker) Peek(ctx context.Context, span s3backend.Span) (keys []s3backend.Entry, whole bool, err error) {
	whole = true
	for page, err := range p.Mem.Pages(ctx, span) {
		if err != nil {
			return nil, false, err
		}
		if keys != nil {
			whole = false
			break
		}
		keys = page
	}
	for i := range keys {
		o := &keys[i].Object
		o.ContentType, o.VersionID, o.Restored = "", "", false
	}
	if p.reverse {
		slices.Reverse(keys)
	}
	how := "level "
	if span.Deep {
		how = "peek "
	}
	if span.After != "" {
		how = "beside " + span.After + " in "
	}
	return keys, whole, p.note(ctx, how+span.Prefix)
}

func newPeeker(t *testing.T, keys ...string) (peeker, *catalog.Catalog) {
	s := peeker{newSpy()}
	s.put(keys...)
	return s, newCatalog(t, catalog.Config{Bucket: s, TTL: time.Minute, NegativeTTL: time.Minute, ListAhead: true})
}

// stat looks a path up as the kernel does: each name of it.
func stat(c *catalog.Catalog, path string) (n catalog.Node, err error) {
	for i := range len(path) {
		if path[i] == '/' {
			if n, err := c.Lookup(context.Background(), path[:i]); err != nil || !n.Dir {
				return n, err
			}
		}
	}
	return c.Lookup(context.Background(), path)
}

// grid is a tree of so many names a level.
func grid(prefix string, names ...int) (keys []string) {
	for i := range names[0] {
		key := fmt.Sprintf("%s%03d", prefix, i)
		if len(names) > 1 {
			keys = append(keys, grid(key+"/", names[1:]...)...)
		} else {
			keys = append(keys, key)
		}
	}
	return keys
}

// TestDeepPaths: the requests for a path of which nothing is known. They are two for
// each name from the top on, up to the first directory below which there is no more
// than a page of keys.
func TestDeepPaths(t *testing.T) {
	for _, tt := range []struct {
		name, path string
		keys       []string
		requests   int
	}{
		{"a key alone", "a/b/c/d/e/f", []string{"a/b/c/d/e/f"}, 2},
		{"with others beside it at each level", "m/m/m/m/m", append(grid("m/m/", 5, 5, 5), "m/m/m/m/m", "m/a", "m/m/a", "a/m", "m/m-1", "m/m/m/z"), 2},
		{"a page below the first name", "d/009/009/009", grid("d/", 10, 10, 10), 2},
		{"none such below it", "d/009/009/none/x", grid("d/", 10, 10, 10), 2},
		{"a page below the second", "d/005/005/005", grid("d/", 20, 10, 10), 4},
		{"a page below the third", "d/005/005/005/005", grid("d/", 10, 20, 10, 10), 6},
		{"the beginning of many", "d/000/000/000/000", grid("d/", 10, 20, 10, 10), 2},
		{"one of a large directory", "d/f/1700", append(grid("d/f/", 1800), "d/f/1700"), 6},
		{"only markers", "d/e/f", []string{"d/", "d/e/", "d/e/f/"}, 2},
		{"below a file", "d/f/x", []string{"d/f"}, 2},
		{"nothing", "d/e/f", nil, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, c := newPeeker(t, tt.keys...)
			n, err := stat(c, tt.path)
			if there := slices.ContainsFunc(tt.keys, func(k string) bool { return k == tt.path || strings.HasPrefix(k, tt.path+"/") }); there != (err == nil) && !strings.HasPrefix(tt.name, "below") {
				t.Fatalf("%+v, %v", n, err)
			}
			if q := s.questions(); len(q) > tt.requests {
				t.Errorf("asked %q, want at most %d", q, tt.requests)
			}
			// What was learnt is right, and asked for no more: all of the first directory
			// where a page holds it, and otherwise the file itself.
			top, _, _ := strings.Cut(tt.path, "/")
			for _, k := range tt.keys {
				if k != tt.path && (len(tt.keys) > 1000 || !strings.HasPrefix(k, top+"/") || strings.HasSuffix(k, "/")) {
					continue
				}
				if n, err := stat(c, k); err != nil || n.Dir || n.Object.Key != k {
					t.Errorf("%s: %+v, %v", k, n, err)
				}
				wantQuestions(t, s.spy)
			}
		})
	}
}

// A file and a directory listed by the way are so as by any other listing.
func TestPeekTellsAllOfASmallDirectory(t *testing.T) {
	s, c := newPeeker(t, "d/e/f", "d/e/g/h", "d/e", "d/x", "d//hidden")
	ctx := context.Background()
	if n, err := c.Lookup(ctx, "d"); err != nil || !n.Dir {
		t.Fatalf("%+v, %v", n, err)
	}
	wantQuestions(t, s.spy, "head d", "peek d/")
	for _, path := range []string{"d/none", "d/e/none", "d/x/y", "d/e/g/none"} {
		if _, err := c.Lookup(ctx, path); !errors.Is(err, fs.ErrNotExist) && path != "d/x/y" {
			t.Errorf("%s: %v", path, err)
		}
	}
	s.questions() // what lies below a file nobody asks but us
	for path, names := range map[string][]string{"d": {"e", "x"}, "d/e": {"f", "g"}, "d/e/g": {"h"}} {
		l, err := c.List(ctx, path)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, n := range l.From(0) {
			got = append(got, n.Name)
		}
		if !slices.Equal(got, names) {
			t.Errorf("%s holds %q, want %q", path, got, names)
		}
	}
	wantQuestions(t, s.spy)
	if l, _ := c.List(ctx, "d"); l.Hidden.Unrepresentable != 1 || l.Hidden.Shadowed != 1 {
		t.Errorf("hidden: %+v", l.Hidden)
	}
}

// Stats on large directories alone are worth no pages, until somebody goes into one.
func TestPeeksAreGivenUp(t *testing.T) {
	// So many files before them that a page of the root's names shows none of them.
	s, c := newPeeker(t, append(grid("", 40, 150), grid("!", 1000)...)...)
	count := func(from, to int) (pages int) {
		t.Helper()
		for i := from; i < to; i++ {
			if n, err := c.Lookup(context.Background(), fmt.Sprintf("%03d", i)); err != nil || !n.Dir {
				t.Fatalf("%+v, %v", n, err)
			}
		}
		for _, q := range s.questions() {
			if strings.HasPrefix(q, "peek") {
				pages++
			}
		}
		return pages
	}
	if n := count(0, 20); n > 8 {
		t.Errorf("%d pages for 20 directories that nobody went into", n)
	}
	if n := count(20, 25); n != 0 {
		t.Errorf("%d pages more", n)
	}
	for range 2 {
		if _, err := c.Lookup(context.Background(), "024/001"); err != nil {
			t.Fatal(err)
		}
	}
	s.questions()
	if n := count(30, 32); n != 2 {
		t.Errorf("%d pages for two directories after somebody went into one", n)
	}
}

// Small ones cost nothing beside a key, and go on being told.
func TestSmallPeeksGoOn(t *testing.T) {
	s, c := newPeeker(t, append(grid("", 100, 3), grid("!", 1000)...)...)
	for i := range 100 {
		if _, err := c.Lookup(context.Background(), fmt.Sprintf("%03d", i)); err != nil {
			t.Fatal(err)
		}
	}
	s.questions()
	for i := range 100 {
		if n, err := c.Lookup(context.Background(), fmt.Sprintf("%03d/002", i)); err != nil || n.Dir {
			t.Fatalf("%+v, %v", n, err)
		}
	}
	wantQuestions(t, s.spy)
}

// Without an order of the keys a page tells only that there is something.
func TestPeekWithoutOrder(t *testing.T) {
	s, c := newPeeker(t, "d/e/f", "d/e/h", "d/g")
	s.reverse = true
	if n, err := stat(c, "d/e/f"); err != nil || n.Dir {
		t.Fatalf("%+v, %v", n, err)
	}
	if q := s.questions(); len(q) != 6 {
		t.Errorf("asked %q", q)
	}
}

// What was told before a refresh is not believed after it.
func TestPeekEndsWithARefresh(t *testing.T) {
	s, c := newPeeker(t, "d/e/f")
	if _, err := stat(c, "d/e/f"); err != nil {
		t.Fatal(err)
	}
	s.Delete("d/e/f")
	s.put("d/e/g")
	c.Refresh("d")
	if _, err := stat(c, "d/e/f"); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if n, err := stat(c, "d/e/g"); err != nil || n.Object.Key != "d/e/g" {
		t.Fatalf("%+v, %v", n, err)
	}
}

// A policy may allow listings with a delimiter only, as that of AWS's own example of
// users' folders does: what cannot be peeked at is still a directory.
func TestPeekDenied(t *testing.T) {
	s, c := newPeeker(t, "home/alice/f")
	s.fail["peek home/"] = fs.ErrPermission
	if n, err := stat(c, "home/alice/f"); err != nil || n.Dir {
		t.Fatalf("%+v, %v", n, err)
	}
	// Where no listing is allowed none is asked for in vain twice.
	s.questions()
	s.fail["peek no/"], s.fail["level no/"] = fs.ErrPermission, fs.ErrPermission
	for _, name := range []string{"a", "b"} {
		s.fail["list no/"+name+"/ 1"] = fs.ErrPermission
		if _, err := c.Lookup(context.Background(), "no/"+name); !errors.Is(err, fs.ErrPermission) {
			t.Fatal(err)
		}
	}
	wantQuestions(t, s.spy, "peek no/", "head no/a", "list no/a/ 1", "head no/b", "list no/b/ 1")
}

// A page that is no page, for one odd key in it, is not the directory's end.
func TestPeekIsNoPage(t *testing.T) {
	s, c := newPeeker(t, "d/e/f", "d/e/odd")
	s.fail["peek d/"], s.fail["peek d/e/"] = s3backend.ErrBadAnswer, s3backend.ErrBadAnswer
	if n, err := stat(c, "d/e/f"); err != nil || n.Dir {
		t.Fatalf("%+v, %v", n, err)
	}
}
