package catalog

import (
	"context"
	"iter"

	"github.com/zs3fs/zs3fs/s3backend"
)

// pageSize is the most entries in a page of a listing.
const pageSize = 1000

func (c *Catalog) keptListing(path string) (*Listing, error) {
	if err := c.begin(); err != nil {
		return nil, err
	}
	defer c.end()
	if h := c.store.get(listingKey(path)); h != nil && h.listing.Fresh() > 0 {
		return h.listing, nil
	}
	return nil, nil
}

// Kept returns the last listing of the directory at path that is kept, whether
// fresh or not, or else what is known of one that is under way; nil for none. It
// asks nobody, and serves for guesses only.
func (c *Catalog) Kept(path string) (l *Listing, complete bool) {
	if c.begin() != nil {
		return nil, false
	}
	defer c.end()
	if h := c.store.get(listingKey(path)); h != nil {
		return h.listing, true
	}
	if g := c.growingAt(path); g != nil {
		l, complete, _, _ = g.state()
	}
	return l, complete
}

// pages asks the bucket page by page, and makes pages of what a bucket gives that
// knows none; that one is never asked for more than a level.
func (c *Catalog) pages(ctx context.Context, span s3backend.Span) iter.Seq2[[]s3backend.Entry, error] {
	if p, ok := c.cfg.Bucket.(s3backend.Pager); ok {
		return p.Pages(ctx, span)
	}
	return func(yield func([]s3backend.Entry, error) bool) {
		var page []s3backend.Entry
		for e, err := range c.cfg.Bucket.List(ctx, span.Prefix, 0) {
			if err != nil {
				yield(nil, err)
				return
			}
			if page = append(page, e); len(page) == pageSize {
				if !yield(page, nil) {
					return
				}
				page = nil
			}
		}
		yield(page, nil)
	}
}

// sawDisorder notes that the bucket lists without order: directory buckets do. Its
// listings are read whole before anything is shown of them.
func (c *Catalog) sawDisorder() {
	if !c.unordered.Swap(true) {
		c.cfg.Logger.Warn("the bucket lists its keys without order: a directory is shown once all of it is known")
	}
}
