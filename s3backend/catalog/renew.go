package catalog

import (
	"math"
	"time"
)

// minRenewed is the shortest TTL with which listings are renewed: below, one might
// expire while it is made.
const minRenewed = 10 * time.Second

// Renew lists the directory at path again, if what was kept of it has been dropped
// or has expired, or is about to, and does not wait for it: somebody goes through
// its files, and would have to ask for each. It reports whether it has begun to.
func (c *Catalog) Renew(path string) bool {
	// Without readers it would stop ahead of them.
	return c.renew(path, math.MaxInt)
}

// renew is Renew of a directory that is given up when it has more than so many names,
// and loadAhead, and no reader.
func (c *Catalog) renew(path string, names int) bool {
	if l, _ := c.Kept(path); c.cfg.TTL >= 0 && c.cfg.TTL < minRenewed || l != nil && !old(l) {
		return false
	}
	key := flightKey{epoch: c.epoch.Load(), path: path}
	c.growths.mu.Lock()
	defer c.growths.mu.Unlock()
	if c.growths.m[key] != nil {
		return false
	}
	g := &growing{c: c, path: path, key: key, names: names}
	return g.startLocked() == nil
}

// old reports whether a listing is about to expire.
func old(l *Listing) bool { return l.Fresh() <= l.ttl/4 }

// renews reports whether the listing under way is to take l's place.
func (g *growing) renews(l *Listing) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.names == math.MaxInt && old(l)
}
