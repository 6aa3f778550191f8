package catalog

import (
	"context"
	"time"
)

// recall looks in the ledger for what memory does not have, and keeps it there. It reads
// the disk, and gives up after seconds; nil is nothing of that age. A negative ttl takes
// any.
func (c *Catalog) recall(ctx context.Context, key string, ttl time.Duration) *held {
	flight, since := flightKey{c.epoch.Load(), key}, time.Now().Add(-ttl)
	if ttl < 0 {
		flight.path, since = "any "+key, time.Time{}
	}
	if h := c.store.get(key); h != nil && !h.asked.Before(since) {
		return h
	}
	// Most of what is asked for is not there: a flight takes a goroutine.
	if c.store.ledger == nil || ttl == 0 || c.store.ledger.Lacks(key[0], key[1:], since) {
		return nil
	}
	h, err := c.recalls.do(ctx, c, flight, func(context.Context) (*held, error) {
		return c.readLedger(key, since, flight.epoch)
	})
	if err != nil {
		return nil
	}
	return h
}

func (c *Catalog) readLedger(key string, since time.Time, epoch uint64) (*held, error) {
	path := key[1:]
	raw, asked, ok := c.store.ledger.Get(key[0], path, since)
	if !ok {
		return nil, nil
	}
	var h *held
	var err error
	if key[0] == 'n' {
		h, err = decodeNode(raw, path)
	} else {
		h = &held{}
		if h.listing, err = decodeListing(raw, c.Below(path), c.names(), c.seed); err == nil {
			h.listing.asked, h.listing.ttl, h.listing.recalled = asked, c.cfg.TTL, true
		}
	}
	if err != nil {
		c.cfg.Logger.Debug("an answer kept on disk cannot be read", "err", err)
		c.store.ledger.Drop(key[0], path)
		return nil, nil
	}
	h.asked = asked
	c.keeping.Lock()
	defer c.keeping.Unlock()
	if c.epoch.Load() != epoch {
		return nil, nil
	}
	c.store.remember(key, h)
	return h, nil
}

// recallNode brings back what answers a lookup, and reports whether there is anything.
func (c *Catalog) recallNode(ctx context.Context, path string) bool {
	dir, _ := split(path)
	ttl := max(c.cfg.TTL, c.cfg.NegativeTTL)
	if c.cfg.TTL < 0 || c.cfg.NegativeTTL < 0 {
		ttl = -1
	}
	own := c.recall(ctx, nodeKey(path), ttl)
	list := c.recall(ctx, listingKey(dir), c.cfg.TTL)
	return own != nil || list != nil || c.recall(ctx, listingKey(path), c.cfg.TTL) != nil
}

// recallListing brings back the listing of the directory at path.
func (c *Catalog) recallListing(ctx context.Context, path string) *Listing {
	if h := c.recall(ctx, listingKey(path), c.cfg.TTL); h != nil && h.listing.Fresh() > 0 {
		return h.listing
	}
	return nil
}

// recorded reports whether the ledger has a fresh listing of the directory at path. It
// does not read it.
func (c *Catalog) recorded(path string) bool {
	if c.store.ledger == nil {
		return false
	}
	asked, ok := c.store.ledger.Asked('l', path)
	return ok && remaining(asked, c.cfg.TTL) > 0
}
