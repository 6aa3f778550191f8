package asof

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
)

const (
	// fullPage is the most versions that S3 gives at once.
	fullPage = 1000
	// shortPage is for questions that the first versions mostly answer.
	shortPage = 32
)

// Bucket is another bucket at a moment. Safe for concurrent use.
type Bucket struct {
	s3backend.VersionLister
	at time.Time
}

var (
	_ s3backend.Bucket      = (*Bucket)(nil)
	_ s3backend.Pager       = (*Bucket)(nil)
	_ s3backend.Checksummer = (*Bucket)(nil)
)

// New returns the bucket as it was at a moment.
func New(of s3backend.VersionLister, at time.Time) *Bucket { return &Bucket{of, at} }

// Head implements s3backend.Bucket. The current version is asked for first: in a
// bucket that is looked back at most of them are as old as that.
func (b *Bucket) Head(ctx context.Context, key string) (s3backend.Object, error) {
	obj, err := b.VersionLister.Head(ctx, key)
	switch {
	case err == nil && !obj.ModTime.After(b.at):
		return obj, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return s3backend.Object{}, err
	}
	v, err := b.find(ctx, key)
	if err != nil {
		return s3backend.Object{}, opError("head", key, err)
	}
	return b.HeadVersion(ctx, key, v.VersionID)
}

// find returns the version of key that was current. All keys that start with key
// come after it.
func (b *Bucket) find(ctx context.Context, key string) (s3backend.Object, error) {
	for from, size := (s3backend.VersionMark{}), shortPage; ; size = fullPage {
		page, err := b.Versions(ctx, key, from, size)
		if err != nil {
			return s3backend.Object{}, err
		}
		for _, v := range page.Versions {
			switch {
			case v.Object.Key != key:
				return s3backend.Object{}, fs.ErrNotExist
			case v.Object.ModTime.After(b.at):
			case v.Deleted:
				return s3backend.Object{}, fs.ErrNotExist
			default:
				return v.Object, nil
			}
		}
		if !page.More {
			return s3backend.Object{}, fs.ErrNotExist
		}
		from = page.Next
	}
}

// List implements s3backend.Bucket; its objects have a VersionID.
func (b *Bucket) List(ctx context.Context, prefix string, limit int) iter.Seq2[s3backend.Entry, error] {
	return func(yield func(s3backend.Entry, error) bool) {
		size := fullPage
		if limit > 0 && limit < shortPage {
			size = shortPage
		}
		left := limit
		for page, err := range b.pages(ctx, s3backend.Span{Prefix: prefix}, size) {
			if err != nil {
				yield(s3backend.Entry{}, err)
				return
			}
			for _, e := range page {
				if !yield(e, nil) {
					return
				}
				if left--; left == 0 {
					return
				}
			}
		}
	}
}

// Pages implements s3backend.Pager.
func (b *Bucket) Pages(ctx context.Context, span s3backend.Span) iter.Seq2[[]s3backend.Entry, error] {
	return b.pages(ctx, span, fullPage)
}

// pages asks for size versions at first. It lists without a delimiter: a common
// prefix does not say whether anything below it was there then, and asking that of
// each would be a request for each. Once a directory has proved to be one the rest
// of it is jumped over, so that there is never more than one page for each entry,
// and for small directories far fewer.
func (b *Bucket) pages(ctx context.Context, span s3backend.Span, size int) iter.Seq2[[]s3backend.Entry, error] {
	return func(yield func([]s3backend.Entry, error) bool) {
		s := scan{at: b.at, prefix: span.Prefix, deep: span.Deep}
		for from := (s3backend.VersionMark{Key: span.After}); ; size = fullPage {
			page, err := b.Versions(ctx, span.Prefix, from, size)
			if err != nil {
				yield(nil, opError("list", span.Prefix, err))
				return
			}
			var entries []s3backend.Entry
			for _, v := range page.Versions {
				if e, ok := s.next(v); ok {
					entries = append(entries, e)
				}
			}
			if !yield(entries, nil) || !page.More {
				return
			}
			from = s.resume(page.Next)
		}
	}
}

// Peek implements s3backend.Peeker.
func (b *Bucket) Peek(ctx context.Context, span s3backend.Span) ([]s3backend.Entry, bool, error) {
	s := scan{at: b.at, prefix: span.Prefix, deep: span.Deep}
	var entries []s3backend.Entry
	for from := (s3backend.VersionMark{Key: span.After}); ; {
		page, err := b.Versions(ctx, span.Prefix, from, fullPage)
		if err != nil {
			return nil, false, opError("list", span.Prefix, err)
		}
		for _, v := range page.Versions {
			if e, ok := s.next(v); ok {
				entries = append(entries, e)
			}
		}
		if len(entries) > 0 || !page.More {
			return entries, !page.More, nil
		}
		from = page.Next
	}
}

// Checksum implements s3backend.Checksummer, if the bucket below does.
func (b *Bucket) Checksum(ctx context.Context, obj s3backend.Object) (s3backend.Checksum, error) {
	if c, ok := b.VersionLister.(s3backend.Checksummer); ok {
		return c.Checksum(ctx, obj)
	}
	return s3backend.Checksum{}, nil
}

// opError says what was asked of this bucket, not of the one below.
func opError(op, key string, err error) error {
	if below := (*s3backend.OpError)(nil); errors.As(err, &below) {
		err = below.Err
	}
	return &s3backend.OpError{Op: op, Key: key, Err: err}
}
