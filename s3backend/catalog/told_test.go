package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/catalog"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// rootOf is what a mount's own question is answered with.
func rootOf(t *testing.T, m *s3test.Mem, prefix string) (entries []s3backend.Entry) {
	t.Helper()
	for e, err := range m.List(t.Context(), prefix, 0) {
		if err != nil {
			t.Fatal(err)
		}
		e.Object.ContentType, e.Object.VersionID, e.Object.Restored = "", "", false
		entries = append(entries, e)
	}
	return entries
}

// TestTold: names that the catalog was told of cost no request for their time, by the
// rules of names; what it was not told of is asked for, that it is absent too.
func TestTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := peeker{newSpy()}
		s.put("p/f", "p/d/x", "p/both", "p/both/x", "p//hidden", "p/", "p/.")
		s.PutWith("p/cold", s3test.Bytes([]byte("x")), s3test.PutOptions{StorageClass: "GLACIER"})
		c := newCatalog(t, catalog.Config{Bucket: s, Prefix: "p/", TTL: time.Minute, NegativeTTL: 5 * time.Second, ListAhead: true})
		c.Told(rootOf(t, s.Mem, "p/"), time.Now())
		time.Sleep(10 * time.Second)
		for path, dir := range map[string]bool{"f": false, "d": true, "both": true} {
			n, err := c.Lookup(t.Context(), path)
			if err != nil || n.Dir != dir || n.Fresh != 50*time.Second || !dir && n.Object.Key != "p/f" {
				t.Errorf("%s: %+v, %v", path, n, err)
			}
		}
		wantQuestions(t, s.spy)
		s.put("p/new")
		for path, want := range map[string]error{"new": nil, "cold": nil, "none": fs.ErrNotExist} {
			if _, err := c.Lookup(t.Context(), path); !errors.Is(err, want) {
				t.Errorf("%s: %v", path, err)
			}
			wantQuestions(t, s.spy, "head p/"+path, "peek p/"+path+"/")
		}
		// What lies in a directory is asked for by a page, and nothing about itself.
		if _, err := stat(c, "d/x"); err != nil {
			t.Fatal(err)
		}
		wantQuestions(t, s.spy, "peek p/d/")
		time.Sleep(50 * time.Second)
		if _, err := c.Lookup(t.Context(), "f"); err != nil {
			t.Fatal(err)
		}
		wantQuestions(t, s.spy, "head p/f", "peek p/f/")
	})
}

// What was told is of the time when it was asked: a refresh since then drops it, and
// what the catalog has learnt since then stands.
func TestToldLate(t *testing.T) {
	s, c := newPeeker(t, "a", "b")
	asked, told := time.Now(), rootOf(t, s.Mem, "")
	s.put("a/x")
	if n, err := c.Lookup(context.Background(), "a"); err != nil || !n.Dir {
		t.Fatalf("%+v, %v", n, err)
	}
	c.Told(told, asked)
	if n, err := c.Lookup(context.Background(), "a"); err != nil || !n.Dir {
		t.Errorf("the older answer stands: %+v, %v", n, err)
	}
	s.questions()
	c.Refresh("")
	c.Told(told, asked)
	if n, err := c.Lookup(context.Background(), "b"); err != nil || n.Dir {
		t.Fatalf("%+v, %v", n, err)
	}
	wantQuestions(t, s.spy, "head b", "peek b/")
}

// TestToldOverARemount: what an earlier mount has learnt of a name stands for its time over
// what the next one is told: the version, its id, a directory's marker. What was absent for
// its time is there.
func TestToldOverARemount(t *testing.T) {
	for _, ttl := range []time.Duration{-1, time.Hour} {
		t.Run(ttl.String(), func(t *testing.T) {
			s, dir := peeker{newSpy()}, roomAt(t.TempDir())
			s.SetVersioning(true)
			s.put("f", "listed", "d/", "d/x")
			cfg := catalog.Config{Bucket: s, TTL: ttl, NegativeTTL: time.Nanosecond, ListAhead: true}
			c, end := session(t, dir, cfg)
			known := make(map[string]catalog.Node)
			for _, path := range []string{"f", "d", "new"} {
				n, err := c.Lookup(t.Context(), path)
				if absent := errors.Is(err, fs.ErrNotExist); absent != (path == "new") || !absent && err != nil {
					t.Fatalf("%s: %+v, %v", path, n, err)
				}
				known[path] = n
			}
			end()
			s.Put("f", s3test.Bytes([]byte("another")))
			s.put("d/", "new")
			s.questions()
			c, end = session(t, dir, cfg)
			defer end()
			c.Told(rootOf(t, s.Mem, ""), time.Now())
			for path, was := range known {
				n, err := c.Lookup(t.Context(), path)
				if was.Fresh = n.Fresh; err != nil || path != "new" && fmt.Sprint(n) != fmt.Sprint(was) {
					t.Errorf("%s: %+v, %v, was %+v", path, n, err, was)
				}
			}
			if known["f"].Object.VersionID == "" || known["d"].ModTime.IsZero() {
				t.Errorf("%+v", known)
			}
			wantQuestions(t, s.spy)
		})
	}
}

// A listing that an earlier mount has for ever is as good.
func TestToldOverAListing(t *testing.T) {
	s, dir := peeker{newSpy()}, roomAt(t.TempDir())
	s.put("f")
	cfg := catalog.Config{Bucket: s, TTL: -1, ListAhead: true}
	c, end := session(t, dir, cfg)
	if _, err := c.List(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	end()
	old := s.Mem.Put("f", s3test.Bytes([]byte("another")))
	c, end = session(t, dir, cfg)
	defer end()
	c.Told(rootOf(t, s.Mem, ""), time.Now())
	if n, err := c.Lookup(t.Context(), "f"); err != nil || n.Object.Size == old.Size {
		t.Errorf("%+v, %v", n, err)
	}
}

// TestFlatListing: listing a directory of 20,000 files costs its 20 pages when the root
// was told, however its names begin.
func TestFlatListing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPaged("flat/part-%05d.csv", 20_000)
		c := newCatalog(t, catalog.Config{Bucket: p, TTL: time.Minute, NegativeTTL: 5 * time.Second, ListAhead: true})
		c.Told(rootOf(t, p.Mem, ""), time.Now())
		if n, err := c.Lookup(t.Context(), "flat"); err != nil || !n.Dir {
			t.Fatalf("%+v, %v", n, err)
		}
		if l, err := c.List(t.Context(), "flat"); err != nil || l.Len() != 20_000 {
			t.Fatal(err)
		}
		if n, err := c.Lookup(t.Context(), fmt.Sprintf("flat/part-%05d.csv", 12_345)); err != nil || n.Dir {
			t.Fatalf("%+v, %v", n, err)
		}
		if pages, others := p.requests(); pages != 20 || others != 0 {
			t.Errorf("%d pages, %d others", pages, others)
		}
	})
}
