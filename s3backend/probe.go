package s3backend

import (
	"context"
	"errors"
	"io/fs"
	"time"
)

// probePage is how long a page of names may take: a server that is slow with one is asked
// for a key in its place, with all the time that an attempt has.
const probePage = 5 * time.Second

// Probe asks whether the bucket can be listed below prefix, and returns
// ErrNoBucket, ErrRegion, ErrCredentials, ErrUnavailable or fs.ErrPermission in
// an OpError. first are the first entries of that level, in the server's order, the
// caller's: none where nothing lies below prefix, and otherwise up to limit of them (more
// from a server that ignores it), or only one if that is all that can be had at once.
// whole says that there are no others.
//
// It goes on trying for as long as ctx allows, RequestTimeout at most; when ctx's
// deadline comes first, the error is what went wrong last and not the deadline.
func (c *Client) Probe(ctx context.Context, prefix string, limit int) (first []Entry, whole bool, err error) {
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil, false, opError("list", prefix, ctx.Err())
	}
	probe, stop := context.WithTimeoutCause(context.WithoutCancel(ctx), c.o.RequestTimeout, errTimeUp)
	defer stop()
	probe, cancel := context.WithCancelCause(probe)
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
		probe = Insist(probe) // who was not answered may be taken to be away
	}
	for e, err := range c.List(probe, prefix, 1) {
		if err != nil {
			return nil, false, err
		}
		first = []Entry{e}
	}
	return first, len(first) == 0, nil
}

// probeNames asks for a page of names, and once that has failed for a key: it decides as
// well, and must not be had later because of the others. asked is false where a page alone
// was asked for and says nothing about a key: policies allow some listings and not others,
// not every server has pages, some have pages of nothing before the first name, and one
// that fails may have been the only attempt.
func (c *Client) probeNames(ctx context.Context, prefix string, limit int) (first []Entry, whole, asked bool, err error) {
	l := listing{Span: Span{Prefix: prefix}, tokens: make(map[string]struct{})}
	size := limit
	err = c.call(ctx, "list", prefix, func(ctx context.Context) error {
		if asked = size == 1; !asked {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, min(probePage, c.o.RequestTimeout/2))
			defer cancel()
		}
		names, next, err := c.askPage(ctx, &l, c.question(&l, "", size))
		if err != nil {
			// A region, a clock or credentials that were not right are no fault of the page.
			if v := judge("list", err); v.again && !v.unnamed {
				size = 1
			}
			return err
		}
		first, whole = names, next == ""
		return nil
	})
	switch failed := size == 1; {
	case err == nil:
		return first, whole, len(first) > 0 || whole, nil
	case asked, ctx.Err() != nil:
		return nil, false, true, err
	default:
		return nil, false, !failed && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, ErrBadAnswer), err
	}
}
