package catalog

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"time"
)

// loadAhead is how many names a listing is read ahead of its furthest reader: 16
// pages, 0.3 s of requests, so that a reader who pauses does not wait afterwards,
// and one who leaves a directory of millions of files has not listed them all. The
// parts of a split one wait with as many pages each.
const loadAhead = 16_000

// errAbandoned ends a listing that nobody reads any more.
var errAbandoned = errors.New("catalog: nobody reads the listing")

// growing is a listing under way: the snapshot that its readers see, which only
// grows until it is complete. One goroutine loads it, under the catalog's context.
type growing struct {
	c    *Catalog
	path string
	key  flightKey

	mu       sync.Mutex    // guards the following
	list     Listing       // what is known so far
	loaded   int           // entries received
	pages    int64         // and the pages that they came in
	complete *Listing      // nil until the end
	err      error         // of the end, if it is not complete
	changed  chan struct{} // closed when any of these has changed
	readers  int
	furthest int           // name that a reader has come to, or wants to
	names    int           // that are wanted without a reader
	read     chan struct{} // closed when a reader has come further or left
}

// growths are the listings under way.
type growths struct {
	mu sync.Mutex // guards m
	m  map[flightKey]*growing
}

// grow returns the listing of path that is under way, or a new one, with one more
// reader; or the one that is kept.
func (c *Catalog) grow(path string) (*growing, *Listing, error) {
	key := flightKey{epoch: c.epoch.Load(), path: path}
	c.growths.mu.Lock()
	defer c.growths.mu.Unlock()
	// One that ends is kept before it leaves the map.
	if l, err := c.keptListing(path); l != nil || err != nil {
		return nil, l, err
	}
	if g := c.growths.m[key]; g != nil && g.join() {
		return g, nil, nil
	}
	g := &growing{c: c, path: path, key: key, readers: 1}
	if err := g.startLocked(); err != nil {
		return nil, nil, err
	}
	return g, nil, nil
}

// startLocked begins to load; c.growths.mu is held.
func (g *growing) startLocked() error {
	c := g.c
	if err := c.begin(); err != nil {
		return err
	}
	g.changed, g.read = make(chan struct{}), make(chan struct{})
	g.list.names, g.list.below, g.list.asked, g.list.ttl = c.names(), c.Below(g.path), time.Now(), c.cfg.TTL
	if c.growths.m == nil {
		c.growths.m = make(map[flightKey]*growing)
	}
	c.growths.m[g.key] = g
	go func() {
		defer c.end()
		ctx := c.withFallback(c.ctx, func() bool { return g.fallback() != nil })
		l, err := guarded(c, func() (*Listing, error) { return g.load(ctx) })
		g.finish(l, err)
	}()
	return nil
}

// growingAt returns the listing of path that is under way, nil if there is none.
func (c *Catalog) growingAt(path string) *growing {
	key := flightKey{epoch: c.epoch.Load(), path: path}
	c.growths.mu.Lock()
	defer c.growths.mu.Unlock()
	return c.growths.m[key]
}

// join adds a reader, unless what has been read is older than the TTL allows: with
// none at all, only a listing that has said nothing yet will do.
func (g *growing) join() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err != nil || g.loaded > 0 && g.list.Fresh() == 0 {
		return false
	}
	g.readers++
	return true
}

// load reads the listing to its end.
func (g *growing) load(ctx context.Context) (*Listing, error) {
	m := newMapping(g.list.below, g.c.rules(g.path), g.c.seed)
	m.out.asked, m.out.ttl = g.list.asked, g.list.ttl
	m.whole = g.c.unordered.Load()
	if l := g.c.recallListing(ctx, g.path); l != nil && !g.renews(l) {
		return l, nil
	}
	if l := g.c.awaitWalk(ctx, g.path, g.key.epoch); l != nil {
		return l, nil
	}
	asks := doubts{c: g.c}
	for page, err := range g.c.levelPages(ctx, m.prefix, listAbreast) {
		if err == nil {
			err = m.addAll(page)
		}
		if m.unordered {
			g.c.sawDisorder()
		}
		if err != nil {
			return nil, err
		}
		ripe := m.ripen(false)
		if asks.due(m, len(page)) {
			asks.ask(ctx, m)
			ripe = m.ripen(false) || ripe
		}
		if err := g.publish(ctx, m, len(page), ripe); err != nil {
			return nil, err
		}
	}
	l := m.finish()
	if !l.found && g.path != "" {
		return nil, &AbsentError{Path: g.path, Fresh: remaining(l.asked, g.c.cfg.NegativeTTL)}
	}
	return l, nil
}

// publish shows the readers what is ripe, and waits while the listing is far ahead
// of them.
func (g *growing) publish(ctx context.Context, m *mapping, n int, ripe bool) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.loaded += n
	g.pages++
	if ripe {
		g.list.runs, g.list.ends = m.out.runs, m.out.ends
		close(g.changed)
		g.changed = make(chan struct{})
	}
	for g.loaded-max(g.furthest, g.names) > loadAhead {
		if g.readers == 0 {
			g.err = errAbandoned // from here on, lest somebody join what is about to end
			return g.err
		}
		if g.furthest >= g.list.Len() {
			return nil // they wait for names that are hidden, or held back
		}
		read := g.read
		g.mu.Unlock()
		select {
		case <-read:
		case <-ctx.Done():
		}
		g.mu.Lock()
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// finish ends the listing, and keeps it if it is complete.
func (g *growing) finish(l *Listing, err error) {
	c := g.c
	if err == nil {
		c.learn(g.path, l, g.key.epoch)
	} else if errors.Is(err, fs.ErrNotExist) {
		c.unlearn(g.path, g.list.asked, g.key.epoch)
	} else if old := g.expired(err); old != nil {
		l, err = old, nil
	}
	c.growths.mu.Lock()
	if c.growths.m[g.key] == g {
		delete(c.growths.m, g.key)
	}
	c.growths.mu.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.complete, g.err = l, err
	close(g.changed)
}

// state returns what is known, whether that is all, and what to wait for if not.
func (g *growing) state() (l *Listing, complete bool, changed <-chan struct{}, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.complete != nil {
		return g.complete, true, nil, nil
	}
	return g.list.view(), false, g.changed, g.err
}

// reached says that a reader has come to the i-th name.
func (g *growing) reached(i int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if i > g.furthest {
		g.furthest = i
		g.moved()
	}
}

// leave takes a reader away.
func (g *growing) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.readers--; g.readers == 0 {
		g.furthest = min(g.furthest, g.loaded) // who wanted all of it has gone
	}
	g.moved()
}

// leaveAhead is leave for one who read ahead of all others: it returns the pages that
// have come.
func (g *growing) leaveAhead() int64 {
	g.leave()
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pages
}

func (g *growing) moved() {
	close(g.read)
	g.read = make(chan struct{})
}

// find answers a lookup in the part that is known; ok is whether it can.
func (g *growing) find(name string) (n Node, found, ok bool, asked time.Time) {
	l, complete, _, err := g.state()
	if err != nil {
		return Node{}, false, false, l.asked
	}
	i := l.Search(name)
	if i < l.Len() {
		n = l.At(i)
		return n, n.Name == name, true, l.asked
	}
	return Node{}, false, complete, l.asked
}
