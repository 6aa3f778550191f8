package catalog

import "time"

// maxSiblings is the most directories that are listed side by side ahead of a walk;
// each is at most loadAhead names ahead.
const maxSiblings = 8

// siblings lists the next siblings on a walk, each by itself: they are too large for
// several to fit into a page.
type siblings struct {
	window int
	ahead  map[string]*growing
	// now is the listing that the walk has come to: it is held until the walk goes
	// on, since its reader may not have joined it yet.
	now  *growing
	idle *time.Timer
}

// lead goes ahead of dir; walks.mu is held.
func (v *siblings) lead(c *Catalog, dir string) {
	if v.ahead == nil {
		v.ahead, v.window = make(map[string]*growing), 1
		v.idle = time.AfterFunc(walkerIdle, func() {
			c.walks.mu.Lock()
			defer c.walks.mu.Unlock()
			v.end(c)
		})
	}
	v.idle.Reset(walkerIdle)
	parent, name := split(dir)
	if g := v.ahead[dir]; g != nil {
		delete(v.ahead, dir)
		v.relieve(c)
		v.now = g
		v.window = min(2*v.window, maxSiblings)
	}
	for path := range v.ahead {
		if walkedBefore(path, dir) {
			v.drop(c, path)
		}
	}
	l, _ := c.Kept(parent)
	if l == nil {
		return
	}
	place, ok := l.Place(name)
	if !ok {
		return
	}
	for i, n := range l.From(place + 1) {
		if len(v.ahead) >= v.window || i-place > maxWalkGap {
			return
		}
		path := n.Name
		if parent != "" {
			path = parent + "/" + path
		}
		if !n.Dir || v.ahead[path] != nil {
			continue
		}
		if g, _, err := c.grow(path); g != nil && err == nil {
			v.ahead[path] = g
		}
	}
}

// drop lets go of a listing that was asked for in vain.
func (v *siblings) drop(c *Catalog, path string) {
	n := v.ahead[path].leaveAhead()
	delete(v.ahead, path)
	c.counts.aheadPages.Add(n)
	c.counts.aheadWasted.Add(n)
}

// relieve lets go of the listing that the walk has come to.
func (v *siblings) relieve(c *Catalog) {
	if v.now != nil {
		n := v.now.leaveAhead()
		c.counts.aheadPages.Add(n)
		c.counts.aheadUseful.Add(n)
		v.now = nil
	}
}

// end lets go of all; walks.mu is held.
func (v *siblings) end(c *Catalog) {
	for path := range v.ahead {
		v.drop(c, path)
	}
	v.relieve(c)
	if v.idle != nil {
		v.idle.Stop()
	}
	v.ahead, v.idle = nil, nil
}
