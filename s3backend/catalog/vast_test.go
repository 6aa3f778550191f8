package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/catalog"
)

// vast is a bucket of 10 million files in the directory d.
type vast struct {
	s3backend.Bucket
	pages atomic.Int64
}

func (v *vast) Head(_ context.Context, key string) (s3backend.Object, error) {
	return s3backend.Object{Key: key, ETag: `"x"`}, nil
}

func (v *vast) List(ctx context.Context, prefix string, _ int) iter.Seq2[s3backend.Entry, error] {
	return func(yield func(s3backend.Entry, error) bool) {
		if keys, _, _ := v.Peek(ctx, s3backend.Span{Prefix: prefix}); len(keys) > 0 {
			yield(keys[0], nil)
		}
	}
}

func (v *vast) Peek(_ context.Context, span s3backend.Span) ([]s3backend.Entry, bool, error) {
	if span.Prefix != "d/" {
		return nil, true, nil
	}
	return vastPage(0), false, nil
}

func (v *vast) Pages(_ context.Context, span s3backend.Span) iter.Seq2[[]s3backend.Entry, error] {
	return func(yield func([]s3backend.Entry, error) bool) {
		from := 0
		if n, _ := fmt.Sscanf(strings.TrimLeft(strings.TrimPrefix(span.After, "d/"), "0"), "%d", &from); n == 1 {
			from++
		}
		for v.pages.Add(1) < 10_000 {
			if !yield(vastPage(from), nil) {
				return
			}
			from += 1000
		}
		yield(nil, errors.New("too many pages"))
	}
}

func vastPage(from int) (page []s3backend.Entry) {
	for i := range 1000 {
		page = append(page, s3backend.Entry{Object: s3backend.Object{Key: fmt.Sprintf("d/%08d", from+i), ETag: `"x"`}})
	}
	return page
}

// TestStatsInAVastDirectory: it is not listed to its end for those who only look at some
// of its files, nor begun with again and again.
func TestStatsInAVastDirectory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vast{}
		c := newCatalog(t, catalog.Config{Bucket: v, TTL: time.Minute, NegativeTTL: time.Minute, ListAhead: true})
		for i := range 1000 {
			// None of those that a listing begins with.
			if n, err := stat(c, fmt.Sprintf("d/9%07d", i)); err != nil || n.Dir {
				t.Fatalf("%+v, %v", n, err)
			}
			synctest.Wait()
		}
		if n := v.pages.Load(); n > 1500 {
			t.Errorf("%d pages for 1000 files", n)
		}
		c.Close()
	})
}
