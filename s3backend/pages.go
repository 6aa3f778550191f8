package s3backend

import (
	"context"
	"iter"
)

// Span is a part of a bucket's keys, in the order of their bytes.
type Span struct {
	Prefix string // all keys start with it
	// After: all keys sort after it. A server may not know it, and begin with the
	// first key of the prefix. Of a level it is not inside a directory: servers
	// differ about that one then.
	After string
	// Deep gives every key; without it one level is given, as Bucket.List does.
	Deep bool
}

// Pager is a [Bucket] that gives its listings page by page, and parts of them.
type Pager interface {
	// Pages yields what Bucket.List yields, in the server's pages, which belong to the
	// caller, with these differences: of span only; every key and
	// no common prefix if span.Deep; and where the server says something twice it
	// comes twice, since nothing is kept from page to page. Pages but the last may
	// be empty. The next page is asked for when the loop comes back for it.
	Pages(ctx context.Context, span Span) iter.Seq2[[]Entry, error]
}

// Peeker is a [Bucket] that can tell more of what lies below a prefix than whether
// anything does, for the one request that this costs.
type Peeker interface {
	// Peek returns the first entries of the span, as many as the server gives at
	// once, in its order. They are the caller's; whole says that there are no others.
	// Where there are none nothing lies there, unless they are not whole: the server
	// ignores span.After.
	Peek(ctx context.Context, span Span) (entries []Entry, whole bool, err error)
}

// AfterIgnorer is what a [Pager] may be beside: it knows whether the server has been
// seen to ignore Span.After. What is asked for is right all the same, after pages
// of nothing.
type AfterIgnorer interface {
	// IgnoresAfter is true from before the first such page is yielded on.
	IgnoresAfter() bool
}

var (
	_ Pager        = (*Client)(nil)
	_ Peeker       = (*Client)(nil)
	_ AfterIgnorer = (*Client)(nil)
)

// IgnoresAfter implements AfterIgnorer.
func (c *Client) IgnoresAfter() bool { return c.quirks.startAfter.Load() }

// Pages implements Pager.
func (c *Client) Pages(ctx context.Context, span Span) iter.Seq2[[]Entry, error] {
	return func(yield func([]Entry, error) bool) {
		l := listing{Span: span, tokens: make(map[string]struct{})}
		for token := ""; ; {
			entries, next, err := c.page(ctx, &l, token, 0)
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(entries, nil) || next == "" {
				return
			}
			token = next
		}
	}
}

// Peek implements Peeker.
func (c *Client) Peek(ctx context.Context, span Span) ([]Entry, bool, error) {
	l := listing{Span: span, tokens: make(map[string]struct{})}
	for token := ""; ; {
		entries, next, err := c.page(ctx, &l, token, 0)
		// A server that ignores span.After may have millions of keys before it.
		if err != nil || len(entries) > 0 || next == "" || span.After != "" && c.IgnoresAfter() {
			return entries, next == "", err
		}
		token = next
	}
}
