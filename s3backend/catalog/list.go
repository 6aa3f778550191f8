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

// Place returns where the file at path stands in the listing of its directory, if
// that is kept and fresh: it asks nobody.
func (c *Catalog) Place(path string) (l *Listing, place int, ok bool) {
	dir, name := split(path)
	l, err := c.keptListing(dir)
	if l == nil || err != nil {
		return nil, 0, false
	}
	place, ok = l.place(name)
	return l, place, ok
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
