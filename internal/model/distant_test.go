package model_test

import (
	"context"
	"io"
	"iter"
	"slices"
	"sync/atomic"
	"time"

	"github.com/zs3fs/zs3fs/internal/model"
	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// distant is a bucket 20 ms away, and sometimes farther.
type distant struct {
	*s3test.Mem
	away     atomic.Bool
	reverse  bool // lists backwards, as directory buckets may
	requests atomic.Int64
}

var (
	_ s3backend.Pager = (*distant)(nil)
	_ model.Bucket    = (*distant)(nil)
)

// Put implements model.Bucket.
func (d *distant) Put(key string, version uint32, size int64) string {
	return d.Mem.Put(key, s3test.Coded(model.Seed, version, size)).ETag
}

// Reachable implements model.Bucket.
func (d *distant) Reachable(yes bool) { d.away.Store(!yes) }

// half is half of the way.
func half(ctx context.Context) error {
	select {
	case <-time.After(10 * time.Millisecond):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// there is the way to the bucket.
func (d *distant) there(ctx context.Context, op, key string) error {
	d.requests.Add(1)
	err := half(ctx)
	if err == nil && d.away.Load() {
		err = s3backend.ErrUnreachable
	}
	if err != nil {
		return &s3backend.OpError{Op: op, Key: key, Err: err}
	}
	return nil
}

func (d *distant) back(ctx context.Context, op, key string) error {
	if err := half(ctx); err != nil {
		return &s3backend.OpError{Op: op, Key: key, Err: err}
	}
	return nil
}

func (d *distant) Head(ctx context.Context, key string) (s3backend.Object, error) {
	if err := d.there(ctx, "head", key); err != nil {
		return s3backend.Object{}, err
	}
	o, err := d.Mem.Head(ctx, key)
	if late := d.back(ctx, "head", key); late != nil {
		return s3backend.Object{}, late
	}
	return o, err
}

func (d *distant) List(ctx context.Context, prefix string, limit int) iter.Seq2[s3backend.Entry, error] {
	return func(yield func(s3backend.Entry, error) bool) {
		if err := d.there(ctx, "list", prefix); err != nil {
			yield(s3backend.Entry{}, err)
			return
		}
		var entries []s3backend.Entry
		for e, err := range d.Mem.List(ctx, prefix, limit) {
			if err != nil {
				yield(e, err)
				return
			}
			entries = append(entries, listed(e))
		}
		if err := d.back(ctx, "list", prefix); err != nil {
			yield(s3backend.Entry{}, err)
			return
		}
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// listed is what a listing tells of an object.
func listed(e s3backend.Entry) s3backend.Entry {
	e.Object.ContentType, e.Object.VersionID = "", ""
	return e
}

func (d *distant) Pages(ctx context.Context, span s3backend.Span) iter.Seq2[[]s3backend.Entry, error] {
	return func(yield func([]s3backend.Entry, error) bool) {
		next, stop := iter.Pull2(d.Mem.Pages(ctx, span))
		defer stop()
		for {
			if err := d.there(ctx, "list", span.Prefix); err != nil {
				yield(nil, err)
				return
			}
			page, err, ok := next()
			if !ok {
				return
			}
			page = slices.Clone(page)
			for i := range page {
				page[i] = listed(page[i])
			}
			if d.reverse {
				slices.Reverse(page)
			}
			if err == nil {
				err = d.back(ctx, "list", span.Prefix)
			}
			if !yield(page, err) || err != nil {
				return
			}
		}
	}
}

func (d *distant) Open(ctx context.Context, obj s3backend.Object, off, n int64) (io.ReadCloser, error) {
	if err := d.there(ctx, "open", obj.Key); err != nil {
		return nil, err
	}
	body, err := d.Mem.Open(ctx, obj, off, n)
	if err != nil {
		return nil, err
	}
	if err := d.back(ctx, "open", obj.Key); err != nil {
		body.Close()
		return nil, err
	}
	return body, nil
}
