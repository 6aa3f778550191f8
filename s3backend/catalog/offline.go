package catalog

import (
	"context"
	"errors"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
)

// offlineFresh is how long an expired answer may be believed that was given because S3
// could not be reached: the kernel asks again after that, and sees that S3 is back.
const offlineFresh = time.Second

// Offline reports whether err, of Revalidate, says that S3 cannot be reached, and what
// is known is to be taken for true then.
func (c *Catalog) Offline(err error) bool {
	return c.cfg.OfflineOK && errors.Is(err, s3backend.ErrUnreachable)
}

// expired returns what was last heard of path, however long ago, when err says that S3
// cannot be reached; nil for nothing. That there was nothing by that name counts: S3 has
// said so, and programs that look for a file in several places go on from ENOENT only.
// Nothing is absent because S3 is away.
func (c *Catalog) expired(err error, path string) *held {
	if !c.Offline(err) {
		return nil
	}
	return c.everKnown(path)
}

// everKnown is known, of what is on disk as well. With no TTL it is never that a name is
// absent, since the answer that it was there later would not have been kept.
func (c *Catalog) everKnown(path string) *held {
	dir, _ := split(path)
	for _, key := range []string{nodeKey(path), listingKey(dir), listingKey(path)} {
		c.recall(c.ctx, key, -1)
	}
	if h := c.known(path); h != nil && !(h.absent && c.cfg.TTL == 0) {
		return h
	}
	return nil
}

// answerExpired is the answer to a lookup.
func (c *Catalog) answerExpired(path string, old *held) (Node, error) {
	c.counts.expired.Add(1)
	if old.absent {
		return Node{}, &AbsentError{Path: path, Fresh: offlineFresh}
	}
	n := old.node
	n.Fresh = offlineFresh
	return n, nil
}

// expired returns what the readers of a listing that failed with err are shown instead:
// the latest one that is kept, if S3 cannot be reached. It is not kept anew: the next
// reader asks.
func (g *growing) expired(err error) *Listing {
	if !g.c.Offline(err) {
		return nil
	}
	old := g.fallback()
	if old != nil {
		g.c.counts.expired.Add(1)
	}
	return old
}

// fallback returns the latest listing that is kept, as long as nobody has been shown
// anything of the new one.
func (g *growing) fallback() *Listing {
	g.mu.Lock()
	shown := g.list.Len() > 0
	g.mu.Unlock()
	h := g.c.recall(g.c.ctx, listingKey(g.path), -1)
	if h == nil || shown {
		return nil
	}
	return h.listing
}

// withFallback returns the context of a question that need not be answered while S3 is
// away, as usable says.
func (c *Catalog) withFallback(ctx context.Context, usable func() bool) context.Context {
	if !c.cfg.OfflineOK {
		return ctx
	}
	return s3backend.WithFallback(ctx, usable)
}
