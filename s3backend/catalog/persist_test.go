package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/zs3fs/zs3fs/s3backend/catalog"
	"github.com/zs3fs/zs3fs/s3backend/catalog/ledger"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// roomAt is a ledger.Dir.
type roomAt string

func (d roomAt) at(n string) string              { return filepath.Join(string(d), n) }
func (d roomAt) Open(n string) (*os.File, error) { return os.OpenFile(d.at(n), os.O_RDWR, 0) }
func (d roomAt) Create(n string) (*os.File, error) {
	return os.OpenFile(d.at(n), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
}
func (d roomAt) Rename(from, to string) error { return os.Rename(d.at(from), d.at(to)) }
func (d roomAt) Remove(n string) error {
	if err := os.Remove(d.at(n)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
func (d roomAt) Sync() error          { return nil }
func (d roomAt) Room() (int64, error) { return 1 << 40, nil }

// session is a catalog with a ledger, from a mount to its end.
func session(t *testing.T, dir roomAt, cfg catalog.Config) (c *catalog.Catalog, end func()) {
	t.Helper()
	cfg.Ledger = ledger.Open(ledger.Config{Dir: dir, Limit: 64 << 20})
	c, err := catalog.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	end = func() {
		c.Close()
		cfg.Ledger.Close()
	}
	t.Cleanup(end)
	return c, end
}

// What one catalog has learnt the next one knows, and no more than it may believe.
func TestPersisted(t *testing.T) {
	s := newSpy()
	s.put("p/a/b/x", "p/a/b/y", "p/a/", "p/a//hidden", "p/d/marked/", "p/d/marked/z", "p/f")
	cfg := catalog.Config{Bucket: s, Prefix: "p/", TTL: time.Hour, NegativeTTL: time.Hour}
	dir := roomAt(t.TempDir())
	ctx := context.Background()
	look := func(c *catalog.Catalog) string {
		t.Helper()
		var out strings.Builder
		for _, dir := range []string{"", "a", "a/b"} {
			l, err := c.List(ctx, dir)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(&out, names(l), l.Hidden, l.Marker)
		}
		for _, path := range []string{"f", "a/b/x", "d/marked", "a/none", "d/none"} {
			n, err := c.Lookup(ctx, path)
			n.Fresh = 0
			fmt.Fprintln(&out, n, err)
		}
		return out.String()
	}
	c, end := session(t, dir, cfg)
	first := look(c)
	if len(s.questions()) == 0 {
		t.Fatal("nothing was asked")
	}
	end()
	c, end = session(t, dir, cfg)
	for range 2 {
		if got := look(c); got != first {
			t.Errorf("got\n%s\nwant\n%s", got, first)
		}
		wantQuestions(t, s)
	}
	// What is found to be gone, or is refreshed, is gone from there as well.
	c.Forget("d/marked")
	c.Refresh("a/b")
	end()
	c, end = session(t, dir, cfg)
	if got := look(c); got != first {
		t.Errorf("got\n%s\nwant\n%s", got, first)
	}
	wantQuestions(t, s, "head p/d/marked", "list p/a/", "list p/a/b/", "list p/d/marked/ 1")
	end()
	// A shorter word, and none.
	cfg.TTL, cfg.NegativeTTL = time.Nanosecond, time.Nanosecond
	c, end = session(t, dir, cfg)
	look(c)
	if len(s.questions()) < 8 {
		t.Error("what is too old was believed")
	}
	end()
}

// A listing that ristretto does not take is not read again for each of its names.
func TestPersistedIsKeptInMemory(t *testing.T) {
	s := newSpy()
	for i := range 3000 {
		s.put(fmt.Sprintf("d/%08d", i))
	}
	cfg := catalog.Config{Bucket: s, TTL: time.Hour, Memory: 20_000}
	dir := roomAt(t.TempDir())
	c, end := session(t, dir, cfg)
	if l, err := c.List(context.Background(), "d"); err != nil || l.Len() != 3000 {
		t.Fatal(l.Len(), err)
	}
	end()
	s.questions()
	cfg.Ledger = ledger.Open(ledger.Config{Dir: dir, Limit: 64 << 20})
	defer cfg.Ledger.Close()
	c = newCatalog(t, cfg)
	for i := range 3000 {
		if _, err := c.Lookup(context.Background(), fmt.Sprintf("d/%08d", i)); err != nil {
			t.Fatal(err)
		}
	}
	wantQuestions(t, s)
	if n := cfg.Ledger.Stats().Found; n > 2 {
		t.Errorf("read %d times", n)
	}
	c.Close()
}

// Bytes that nobody has written make an error, or a listing that can be read.
func TestPersistedCraft(t *testing.T) {
	mem := s3test.NewMem()
	for i := range 100 {
		mem.Put(fmt.Sprintf("d/%d", i*i), s3test.Bytes([]byte("x")))
	}
	c := newCatalog(t, catalog.Config{Bucket: mem})
	l, err := c.List(context.Background(), "d")
	if err != nil {
		t.Fatal(err)
	}
	good := catalog.Persisted(l)
	if again, err := catalog.Restored(c, good, "d"); err != nil || again.Len() != l.Len() || again.Sum() != l.Sum() {
		t.Fatal(again, err)
	}
	rapid.Check(t, func(t *rapid.T) {
		raw := append([]byte{}, good...)
		for range rapid.IntRange(1, 4).Draw(t, "n") {
			raw[rapid.IntRange(0, len(raw)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
		}
		raw = raw[:rapid.IntRange(len(raw)/2, len(raw)).Draw(t, "cut")]
		l, err := catalog.Restored(c, raw, "d")
		if err != nil {
			return
		}
		last := ""
		for _, n := range l.From(0) {
			if n.Name <= last || strings.Contains(n.Name, "/") {
				t.Fatalf("%q after %q", n.Name, last)
			}
			if found, ok := l.Find(n.Name); !ok || found.Name != n.Name {
				t.Fatalf("%q is not found", n.Name)
			}
			last = n.Name
		}
	})
}

// TestRecalledIsNotNewer: what the ledger gave must not come back once the directory
// was listed anew, in a memory that has no place for either.
func TestRecalledIsNotNewer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpy()
		for i := range 100 {
			s.put(fmt.Sprintf("d/%03d", i))
		}
		cfg := catalog.Config{Bucket: s, TTL: time.Minute, Memory: 1000}
		dir, ctx := roomAt(t.TempDir()), context.Background()
		c, end := session(t, dir, cfg)
		if _, err := c.List(ctx, "d"); err != nil {
			t.Fatal(err)
		}
		end()
		c, end = session(t, dir, cfg)
		defer end()
		time.Sleep(40 * time.Second)
		if l, err := c.List(ctx, "d"); err != nil || l.Len() != 100 {
			t.Fatal(l.Len(), err)
		}
		time.Sleep(8 * time.Second) // it is about to expire
		s.put("d/new")
		if !c.Renew("d") {
			t.Fatal("not listed anew")
		}
		synctest.Wait()
		if l, err := c.List(ctx, "d"); err != nil || l.Len() != 101 {
			t.Errorf("%d names, %v", l.Len(), err)
		}
	})
}
