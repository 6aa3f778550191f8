package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/catalog"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// paged is a bucket whose requests take 20 ms, counts them, and fails a page.
type paged struct {
	*s3test.Mem
	mu     sync.Mutex // guards the following
	pages  int        // of listings
	others int
	failAt int // the page that fails; 0 is none
}

func newPaged(format string, n int) *paged {
	p := &paged{Mem: s3test.NewMem()}
	for i := range n {
		p.Put(fmt.Sprintf(format, i), s3test.Bytes(nil))
	}
	return p
}

func (p *paged) requests() (pages, others int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pages, p.others
}

func (p *paged) Pages(ctx context.Context, span s3backend.Span) iter.Seq2[[]s3backend.Entry, error] {
	return func(yield func([]s3backend.Entry, error) bool) {
		for page, err := range p.Mem.Pages(ctx, span) {
			time.Sleep(20 * time.Millisecond)
			p.mu.Lock()
			p.pages++
			if p.pages == p.failAt {
				page, err = nil, &s3backend.OpError{Op: "list", Key: span.Prefix, Err: s3backend.ErrUnavailable}
			}
			p.mu.Unlock()
			if !yield(page, err) || err != nil {
				return
			}
		}
	}
}

func (p *paged) List(ctx context.Context, prefix string, limit int) iter.Seq2[s3backend.Entry, error] {
	p.mu.Lock()
	p.others++
	p.mu.Unlock()
	time.Sleep(20 * time.Millisecond)
	return p.Mem.List(ctx, prefix, limit)
}

func (p *paged) Head(ctx context.Context, key string) (s3backend.Object, error) {
	p.mu.Lock()
	p.others++
	p.mu.Unlock()
	time.Sleep(20 * time.Millisecond)
	return p.Mem.Head(ctx, key)
}

func open(t *testing.T, c *catalog.Catalog, path string) *catalog.Snapshot {
	t.Helper()
	s, err := c.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// The first names come after one page, the next pages come meanwhile, and no more
// than the window of them.
func TestListingsStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPaged("d/%06d", 30_000)
		c := newCatalog(t, catalog.Config{Bucket: p, TTL: time.Minute, NegativeTTL: time.Minute})
		ctx, began := context.Background(), time.Now()
		s := open(t, c, "d")
		if n, ok, err := s.At(ctx, 0); !ok || err != nil || n.Name != "000000" || n.Fresh != time.Minute-20*time.Millisecond {
			t.Fatalf("%+v, %v, %v", n, ok, err)
		}
		if took := time.Since(began); took != 20*time.Millisecond {
			t.Errorf("the first name took %v", took)
		}
		time.Sleep(time.Second)
		if pages, _ := p.requests(); pages != catalog.LoadAhead/1000+1 {
			t.Errorf("%d pages for a reader of one name", pages)
		}
		if n, ok, err := s.At(ctx, 10_000); !ok || err != nil || n.Name != "010000" {
			t.Fatalf("%+v, %v, %v", n, ok, err)
		}
		// What is known of it answers lookups, yes and no.
		for name, want := range map[string]error{"d/000007": nil, "d/000007a": fs.ErrNotExist} {
			if _, err := c.Lookup(ctx, name); !errors.Is(err, want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		// Another reader joins.
		l, err := c.List(ctx, "d")
		if err != nil || l.Len() != 30_000 {
			t.Fatal(err)
		}
		for i := range 30_000 {
			if n, ok, err := s.At(ctx, i); !ok || err != nil || n.Name != fmt.Sprintf("%06d", i) {
				t.Fatalf("%d: %+v, %v, %v", i, n, ok, err)
			}
		}
		if _, ok, err := s.At(ctx, 30_000); ok || err != nil || s.Complete() != l {
			t.Errorf("%v, %v", ok, err)
		}
		if pages, others := p.requests(); pages != 30 || others != 0 {
			t.Errorf("%d pages, %d others", pages, others)
		}
	})
}

// A reader who leaves ends a long listing; a short one is read to its end, and kept.
func TestListingsAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPaged("d/%06d", 30_000)
		for i := range 3000 {
			p.Put(fmt.Sprintf("e/%06d", i), s3test.Bytes(nil))
		}
		c := newCatalog(t, catalog.Config{Bucket: p, TTL: time.Minute})
		ctx := context.Background()
		for _, path := range []string{"d", "e"} {
			s := open(t, c, path)
			if _, _, err := s.At(ctx, 0); err != nil {
				t.Fatal(err)
			}
			s.Close()
		}
		time.Sleep(10 * time.Second)
		pages, _ := p.requests()
		if want := catalog.LoadAhead/1000 + 1 + 3; pages != want {
			t.Errorf("%d pages, want %d", pages, want)
		}
		if l, err := c.List(ctx, "e"); err != nil || l.Len() != 3000 {
			t.Fatal(err)
		}
		if l, err := c.List(ctx, "d"); err != nil || l.Len() != 30_000 {
			t.Fatal(err)
		}
		if again, _ := p.requests(); again != pages+30 {
			t.Errorf("%d more pages, want 30", again-pages)
		}
	})
}

// Who wants all of a directory can give up, however fast its pages come, and leaves no
// listing of millions behind.
func TestListingGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &steady{Bucket: s3test.NewMem()}
		c := newCatalog(t, catalog.Config{Bucket: b, TTL: time.Minute})
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		began := time.Now()
		_, err := c.List(ctx, "d")
		if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took > time.Second {
			t.Errorf("%v after %v", err, took)
		}
		time.Sleep(time.Minute)
		if pages := b.pages.Load(); pages > 100 {
			t.Errorf("%d pages for nobody", pages)
		}
	})
}

// steady is a bucket with a large directory, of which a page comes every 20 ms, one
// after another.
type steady struct {
	s3backend.Bucket
	pages atomic.Int64
}

func (s *steady) List(ctx context.Context, prefix string, _ int) iter.Seq2[s3backend.Entry, error] {
	return func(yield func(s3backend.Entry, error) bool) {
		for i := range 300_000 {
			if i%1000 == 0 {
				time.Sleep(20 * time.Millisecond)
				s.pages.Add(1)
			}
			e := s3backend.Entry{Object: s3backend.Object{Key: fmt.Sprintf("%s%09d", prefix, i)}}
			if !yield(e, ctx.Err()) || ctx.Err() != nil {
				return
			}
		}
	}
}

// Who comes while a listing that was left is about to end begins another.
func TestListingAbandonedIsNotJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &lingering{newPaged("d/%06d", 30_000), make(chan struct{})}
		c := newCatalog(t, catalog.Config{Bucket: p, TTL: time.Minute})
		s := open(t, c, "d")
		if _, _, err := s.At(context.Background(), 0); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second) // it waits for its reader
		s.Close()
		synctest.Wait()
		next := open(t, c, "d")
		time.AfterFunc(time.Second, func() { close(p.ended) })
		for i := range 30_000 {
			if _, ok, err := next.At(context.Background(), i); !ok || err != nil {
				t.Fatalf("%d: %v, %v", i, ok, err)
			}
		}
	})
}

// lingering takes its time to end listings that were broken off, as one does whose
// requests have to be.
type lingering struct {
	*paged
	ended chan struct{}
}

func (l *lingering) Pages(ctx context.Context, span s3backend.Span) iter.Seq2[[]s3backend.Entry, error] {
	return func(yield func([]s3backend.Entry, error) bool) {
		for page, err := range l.paged.Pages(ctx, span) {
			if !yield(page, err) {
				<-l.ended
				return
			}
		}
	}
}

// F33: a page that fails in the middle fails the reader there, and never ends the
// directory early.
func TestListingFailsInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPaged("d/%06d", 5_000)
		p.failAt = 3
		c := newCatalog(t, catalog.Config{Bucket: p, TTL: time.Minute})
		ctx := context.Background()
		s := open(t, c, "d")
		for i := 0; ; i++ {
			_, ok, err := s.At(ctx, i)
			if errors.Is(err, s3backend.ErrUnavailable) {
				if i == 0 || i > 2000 {
					t.Errorf("failed after %d names", i)
				}
				break
			}
			if !ok || err != nil {
				t.Fatalf("%d: %v, %v", i, ok, err)
			}
		}
		if _, _, err := s.At(ctx, 4_999); !errors.Is(err, s3backend.ErrUnavailable) {
			t.Errorf("later: %v", err)
		}
		if l, err := c.List(ctx, "d"); err != nil || l.Len() != 5_000 {
			t.Errorf("afterwards: %v", err)
		}
	})
}

// Names that a directory could still come before are held back until their directory is
// proved large, and no longer.
func TestDoubtsAreAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPaged("d/part-%06d-x.csv", 100_000)
		c := newCatalog(t, catalog.Config{Bucket: p, TTL: time.Minute})
		ctx, began := context.Background(), time.Now()
		s := open(t, c, "d")
		if _, ok, err := s.At(ctx, 0); !ok || err != nil {
			t.Fatal(err)
		}
		// 32 pages, and the question.
		if took := time.Since(began); took != 33*20*time.Millisecond {
			t.Errorf("the first name took %v", took)
		}
		l, err := c.List(ctx, "d")
		if err != nil || l.Len() != 100_000 {
			t.Fatal(err)
		}
		if pages, others := p.requests(); pages > 106 || others > 2 {
			t.Errorf("%d pages, %d questions", pages, others)
		}
	})
}

// A directory that comes into being before what was asked stays as it was shown.
func TestDoubtSettledStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 50_000
		p := newPaged("d/part-%06d", n)
		c := newCatalog(t, catalog.Config{Bucket: p, TTL: time.Minute})
		ctx := context.Background()
		s := open(t, c, "d")
		if first, ok, err := s.At(ctx, 0); !ok || err != nil || first.Name != "part-000000" {
			t.Fatalf("%+v, %v", first, err)
		}
		if s.Complete() != nil {
			t.Fatal("the story needs a listing under way")
		}
		p.Put("d/part/x", s3test.Bytes(nil))
		l, err := c.List(ctx, "d")
		if err != nil || l.Len() != n {
			t.Fatalf("%d names, %v", l.Len(), err)
		}
	})
}

// A bucket without order is read whole before anything is shown, and one whose
// disorder shows late fails the reader once.
func TestUnorderedListings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpy()
		s.reverse = true
		for i := range 100 {
			s.put(fmt.Sprintf("d/%02d", i))
		}
		c := newCatalog(t, catalog.Config{Bucket: s, TTL: time.Minute})
		snap := open(t, c, "d")
		for i := range 100 {
			if n, ok, err := snap.At(context.Background(), i); !ok || err != nil || n.Name != fmt.Sprintf("%02d", i) {
				t.Fatalf("%d: %+v, %v", i, n, err)
			}
		}
	})
	late := &lateDisorder{newSpy()}
	c := newCatalog(t, catalog.Config{Bucket: late, TTL: time.Minute})
	if _, err := c.List(context.Background(), ""); !errors.Is(err, s3backend.ErrBadAnswer) {
		t.Fatal(err)
	}
	if l, err := c.List(context.Background(), ""); err != nil || names(l) != "a b c" {
		t.Fatalf("%v, %v", l, err)
	}
}

// lateDisorder lists in order at first.
type lateDisorder struct{ *spy }

func (*lateDisorder) Pages(context.Context, s3backend.Span) iter.Seq2[[]s3backend.Entry, error] {
	return func(yield func([]s3backend.Entry, error) bool) {
		for _, page := range [][]string{{"b", "c"}, {"a"}} {
			var entries []s3backend.Entry
			for _, k := range page {
				entries = append(entries, s3backend.Entry{Object: s3backend.Object{Key: k}})
			}
			if !yield(entries, nil) {
				return
			}
		}
	}
}
