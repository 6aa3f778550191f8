package catalog_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zs3fs/zs3fs/s3backend/catalog"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// TestStats: stats on the files of a tree that nobody lists cost at most two requests a
// directory, in any order, and again as many after the TTL.
func TestStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newPeeker(t, grid("t/", 30, 200)...)
		paths := grid("t/", 30, 200)
		rand.New(rand.NewPCG(1, 2)).Shuffle(len(paths), func(i, j int) { paths[i], paths[j] = paths[j], paths[i] })
		for range 3 {
			for _, p := range paths[:1000] {
				if n, err := stat(c, p); err != nil || n.Dir || n.Object.Key != p {
					t.Fatalf("%s: %+v, %v", p, n, err)
				}
			}
			if q := s.questions(); len(q) > 64 {
				t.Errorf("%d requests for 30 directories: %q", len(q), q)
			}
			time.Sleep(61 * time.Second)
		}
		c.Close()
	})
}

// TestStatsInALargeDirectory: where neither a page of keys nor one of names is all, each
// file is asked for by itself, until so many were that a listing costs no more.
func TestStatsInALargeDirectory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newPeeker(t, grid("d/", 5000)...)
		ask := func(from, to int) (pages, names int) {
			t.Helper()
			for i := from; i < to; i++ {
				if n, err := stat(c, fmt.Sprintf("d/%03d", i)); err != nil || n.Dir {
					t.Fatalf("%+v, %v", n, err)
				}
				synctest.Wait()
			}
			for _, q := range s.questions() {
				if strings.HasPrefix(q, "head") {
					names++
				} else {
					pages++
				}
			}
			return pages, names
		}
		if pages, names := ask(0, 100); names != 101 || pages > 103 {
			t.Errorf("%d pages and %d HEADs for the first", pages, names)
		}
		if pages, names := ask(100, 1000); names > 100 || pages > 110 {
			t.Errorf("%d pages and %d HEADs until it is listed", pages, names)
		}
		if pages, names := ask(1000, 5000); pages != 0 || names != 0 {
			t.Errorf("%d pages and %d HEADs when it is", pages, names)
		}
		c.Close()
	})
}

// What is believed for ever is listed as well.
func TestALargeDirectoryIsListedForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := peeker{newSpy()}
		s.put(grid("d/", 3000)...)
		c := newCatalog(t, catalog.Config{Bucket: s, TTL: -1, NegativeTTL: -1, ListAhead: true})
		for i := range 1000 {
			if n, err := stat(c, fmt.Sprintf("d/%03d", i)); err != nil || n.Dir {
				t.Fatalf("%+v, %v", n, err)
			}
			synctest.Wait()
		}
		if n := kinds(s.questions()); n["head"] > 201 {
			t.Errorf("asked %v", n)
		}
		c.Close()
	})
}

// Where the bucket tells no pages, only names are asked for.
func TestNothingAroundIsAskedFor(t *testing.T) {
	s := newSpy()
	s.put("d/a", "d/b", "d/c")
	c := newCatalog(t, catalog.Config{Bucket: s, TTL: time.Minute, NegativeTTL: time.Minute, ListAhead: true})
	for _, name := range []string{"a", "b", "c"} {
		if _, err := c.Lookup(context.Background(), "d/"+name); err != nil {
			t.Fatal(err)
		}
		wantQuestions(t, s, "head d/"+name, "list d/"+name+"/ 1")
	}
}

// A listing does not say whether an archived object is restored, and another one does
// not either.
func TestNothingAroundArchivedFilesIsAskedFor(t *testing.T) {
	s, c := newPeeker(t)
	for i := range 9 {
		s.PutWith(fmt.Sprintf("d/%d", i), s3test.Bytes([]byte("x")), s3test.PutOptions{StorageClass: "GLACIER"})
	}
	if _, err := c.List(context.Background(), "d"); err != nil {
		t.Fatal(err)
	}
	s.questions()
	for i := range 9 {
		if n, err := stat(c, fmt.Sprintf("d/%d", i)); err != nil || !n.Object.Archived() {
			t.Fatalf("%+v, %v", n, err)
		}
		wantQuestions(t, s.spy, fmt.Sprintf("head d/%d", i), fmt.Sprintf("peek d/%d/", i))
	}
}
