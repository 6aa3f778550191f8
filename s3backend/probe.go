package s3backend

import (
	"context"
	"errors"
	"io/fs"
	"time"
)

// probePage is how long a page of names may take: a server that is slow with one has a
// key in its place.
const probePage = 5 * time.Second

// Probe asks whether the bucket can be listed below prefix, and returns
// ErrNoBucket, ErrRegion, ErrCredentials, ErrUnavailable or fs.ErrPermission in
// an OpError. first are the first entries of that level, in the server's order, the
// caller's: none where nothing lies below prefix, and otherwise up to limit of them, or
// only one if that is all that can be had at once. whole says that there are no others.
//
// It goes on trying for as long as ctx allows, RequestTimeout at most; when ctx's
// deadline comes first, the error is what went wrong last and not the deadline.
func (c *Client) Probe(ctx context.Context, prefix string, limit int) (first []Entry, whole bool, err error) {
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil, false, opError("list", prefix, ctx.Err())
	}
	probe, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	// The series tells its own end from the caller's by the cause.
	defer context.AfterFunc(ctx, func() {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			cancel(errTimeUp)
		} else {
			cancel(ctx.Err())
		}
	})()
	if limit > 1 {
		var asked bool
		if first, whole, asked, err = c.probeNames(probe, prefix, limit); asked {
			return first, whole, err
		}
	}
	for e, err := range c.List(probe, prefix, 1) {
		if err != nil {
			return nil, false, err
		}
		first = []Entry{e}
	}
	return first, len(first) == 0, nil
}

// probeNames asks for a page of names, and where that attempt fails for a key: it decides
// as well, and must not be had later because of the others. asked is false where only a
// page was asked for and says nothing about a key: policies allow some listings and not
// others, not every server has pages, and some have pages of nothing before the first name.
func (c *Client) probeNames(ctx context.Context, prefix string, limit int) (first []Entry, whole, asked bool, err error) {
	l := listing{Span: Span{Prefix: prefix}, tokens: make(map[string]struct{})}
	in, attempts := c.question(&l, "", limit), 0
	err = c.call(ctx, "list", prefix, func(ctx context.Context) (err error) {
		if attempts++; attempts == 1 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, probePage)
			defer cancel()
		}
		next := ""
		first, next, err = c.askPage(ctx, &l, in)
		whole = err == nil && next == ""
		in = c.question(&l, "", 1)
		return err
	})
	if err == nil {
		return first, whole, len(first) > 0 || whole, nil
	}
	return nil, false, attempts > 1 || !errors.Is(err, fs.ErrPermission) && !errors.Is(err, ErrBadAnswer), err
}
