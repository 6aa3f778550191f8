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
	// Pages yields what Bucket.List yields, in pages of at most 1,000 entries that
	// belong to the caller, with these differences: of span only; every key and
	// no common prefix if span.Deep; and where the server says something twice it
	// comes twice, since nothing is kept from page to page. Pages but the last may
	// be empty. The next page is asked for when the loop comes back for it.
	Pages(ctx context.Context, span Span) iter.Seq2[[]Entry, error]
}

var _ Pager = (*Client)(nil)

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
			for len(entries) > maxKeys { // of a server that ignores max-keys
				if !yield(entries[:maxKeys:maxKeys], nil) {
					return
				}
				entries = entries[maxKeys:]
			}
			if !yield(entries, nil) || next == "" {
				return
			}
			token = next
		}
	}
}
