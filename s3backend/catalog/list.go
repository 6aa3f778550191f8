package catalog

import (
	"context"
	"time"
)

// List returns the directory at path as one immutable snapshot, no older than the
// TTL. A listing that fails at any page fails whole. A path below which there is
// nothing is fs.ErrNotExist, except the root.
func (c *Catalog) List(ctx context.Context, path string) (*Listing, error) {
	if !c.hasName(path) {
		return nil, &AbsentError{Path: path, Fresh: forEver}
	}
	if l, err := c.keptListing(path); l != nil || err != nil {
		return l, err
	}
	key := flightKey{epoch: c.epoch.Load(), path: path}
	return c.listings.do(ctx, c, key, func(ctx context.Context) (*Listing, error) {
		// Another flight may have landed since the look above.
		if l, err := c.keptListing(path); l != nil || err != nil {
			return l, err
		}
		l, err := c.askList(ctx, path)
		if err != nil {
			return nil, err
		}
		c.hidden.log(path, l.Hidden)
		if c.cfg.TTL != 0 && c.epoch.Load() == key.epoch {
			c.store.put(listingKey(path), &held{listing: l, asked: l.asked})
		}
		return l, nil
	})
}

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
// fresh or not, nil for none: it asks nobody. It serves for guesses only.
func (c *Catalog) Kept(path string) *Listing {
	if c.begin() != nil {
		return nil
	}
	defer c.end()
	if h := c.store.get(listingKey(path)); h != nil {
		return h.listing
	}
	return nil
}

func (c *Catalog) askList(ctx context.Context, path string) (*Listing, error) {
	m := mapping{
		prefix: c.Below(path),
		rules: rules{
			nameMax:           c.cfg.NameMax,
			hideFolderMarkers: c.cfg.HideFolderMarkers,
			root:              path == "",
		},
	}
	m.out.asked, m.out.ttl = time.Now(), c.cfg.TTL
	for e, err := range c.cfg.Bucket.List(ctx, m.prefix, 0) {
		if err != nil {
			return nil, err
		}
		if err := m.add(e); err != nil {
			return nil, err
		}
	}
	l := m.finish(c.seed)
	if !l.found && path != "" {
		return nil, &AbsentError{Path: path, Fresh: remaining(l.asked, c.cfg.NegativeTTL)}
	}
	return l, nil
}
