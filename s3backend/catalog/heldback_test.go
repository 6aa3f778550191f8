package catalog_test

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/catalog"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// reversed lists without order, as directory buckets do.
type reversed struct{ *paged }

func (r *reversed) Pages(ctx context.Context, span s3backend.Span) iter.Seq2[[]s3backend.Entry, error] {
	return func(yield func([]s3backend.Entry, error) bool) {
		var all []s3backend.Entry
		for page, err := range r.Mem.Pages(ctx, span) {
			if err != nil {
				yield(nil, err)
				return
			}
			all = append(all, page...)
		}
		slices.Reverse(all)
		for page := range slices.Chunk(all, 1000) {
			time.Sleep(20 * time.Millisecond)
			if !yield(page, nil) {
				return
			}
		}
	}
}

// A listing reads on, however far it is ahead, while its reader waits for a name that
// cannot be shown yet or never will.
func TestReadersOfNamesThatAreHeldBack(t *testing.T) {
	half := newPaged("d/%06d", 20_000)
	for i := range 20_000 {
		half.Put(fmt.Sprintf("d/%06d_$folder$", i), s3test.Bytes(nil))
	}
	for name, bucket := range map[string]s3backend.Bucket{
		"unordered":   &reversed{newPaged("d/%06d", 20_000)},
		"half hidden": half,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCatalog(t, catalog.Config{Bucket: bucket, TTL: time.Minute, HideFolderMarkers: true})
				s := open(t, c, "d")
				for i := range 20_000 {
					if n, ok, err := s.At(t.Context(), i); !ok || err != nil || n.Name != fmt.Sprintf("%06d", i) {
						t.Fatalf("%d: %+v, %v, %v", i, n, ok, err)
					}
				}
				if _, ok, err := s.At(t.Context(), 20_000); ok || err != nil {
					t.Errorf("%v, %v", ok, err)
				}
			})
		})
	}
}

// patchy does not show some keys, as a bucket of the past: whole pages may be empty.
type patchy struct {
	*paged
	hides func(key string) bool
}

func (p *patchy) Pages(ctx context.Context, span s3backend.Span) iter.Seq2[[]s3backend.Entry, error] {
	return func(yield func([]s3backend.Entry, error) bool) {
		for page, err := range p.paged.Pages(ctx, span) {
			page = slices.DeleteFunc(page, func(e s3backend.Entry) bool { return p.hides(e.Object.Key) })
			if !yield(page, err) {
				return
			}
		}
	}
}

// Pages of nothing are no sign of a bucket that ignores where it is to begin: not in a
// large directory, nor ahead of a walk.
func TestEmptyPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPaged("d/%06d", 100_000)
		for i := range 40 {
			for k := range 100 {
				p.Put(fmt.Sprintf("w/%03d/%03d", i, k), s3test.Bytes(nil))
			}
		}
		bucket := &patchy{p, func(key string) bool {
			return key >= "d/048000" && key < "d/096000" || key >= "w/001/" && key < "w/001/~"
		}}
		var log strings.Builder
		c := newCatalog(t, catalog.Config{Bucket: bucket, TTL: time.Minute, ListAhead: true, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		l, err := c.List(t.Context(), "d")
		if err != nil || l.Len() != 52_000 {
			t.Fatalf("%v, %v", l, err)
		}
		for _, dir := range []string{"w", "w/000", "w/002", "w/003", "w/004", "w/005"} {
			if _, err := c.List(t.Context(), dir); err != nil {
				t.Fatal(err)
			}
		}
		if log.Len() > 0 {
			t.Error(log.String())
		}
	})
}

// What was listed ahead of a walk is from before a refresh, too.
func TestRefreshOfWhatIsListedAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPaged("w/%03d/s/old", 100)
		c := newCatalog(t, catalog.Config{Bucket: p, TTL: time.Minute, ListAhead: true})
		for _, dir := range []string{"w", "w/000", "w/001", "w/002"} {
			if _, err := c.List(t.Context(), dir); err != nil {
				t.Fatal(err)
			}
		}
		before, _ := p.requests()
		if _, err := c.List(t.Context(), "w/003/s"); err != nil {
			t.Fatal(err)
		}
		if after, _ := p.requests(); after != before {
			t.Fatalf("the story needs listings ahead: %d requests, then %d", before, after)
		}
		for i := range 100 {
			p.Put(fmt.Sprintf("w/%03d/s/new", i), s3test.Bytes(nil))
		}
		c.Refresh("")
		for i := 4; i < 100; i++ {
			if l, err := c.List(t.Context(), fmt.Sprintf("w/%03d/s", i)); err != nil || l.Len() != 2 {
				t.Fatalf("%d: %d names, %v", i, l.Len(), err)
			}
		}
	})
}
