package catalog

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
)

// Stats counts what was listed ahead of walks, in requests, and expired answers. Of those that are neither
// useful nor wasted nobody knows yet.
type Stats struct {
	AheadRequests int64 // pages asked for ahead
	AheadUseful   int64 // of these, told of a directory that was listed next
	AheadWasted   int64 // of these, told of none until the walk had stopped
	// Expired are answers that were given although they had expired, because S3 could
	// not be reached.
	Expired int64
}

type counts struct {
	aheadPages, aheadUseful, aheadWasted, expired atomic.Int64
}

// Stats returns the counters as of now.
func (c *Catalog) Stats() Stats {
	n := &c.counts
	return Stats{AheadRequests: n.aheadPages.Load(), AheadUseful: n.aheadUseful.Load(), AheadWasted: n.aheadWasted.Load(),
		Expired: n.expired.Load()}
}

// walks are the walks under way.
type walks struct {
	mu    sync.Mutex // guards tours, and all that lies in them
	tours tours
}

// heard takes note that a reader lists dir, and goes ahead of it if it is on a walk.
func (c *Catalog) heard(dir string) {
	if !c.cfg.ListAhead || c.cfg.TTL == 0 || c.unordered.Load() || c.spanless.Load() {
		return
	}
	c.walks.mu.Lock()
	defer c.walks.mu.Unlock()
	t, widened := c.walks.tours.listed(dir, c.gap)
	for _, old := range c.walks.tours.surplus() {
		c.endTour(old)
	}
	if t != nil {
		c.lead(t, dir, widened)
	}
}

// lead goes ahead of a walk that has come to dir; walks.mu is held.
func (c *Catalog) lead(t *tour, dir string, widened bool) {
	if widened {
		c.endTour(t)
	}
	if t.w != nil {
		t.w.hit(dir)
		switch ended, why := t.w.state(); {
		case !ended, why == scopeEnd:
			return
		case why == largeDirs:
			t.large, t.w = true, nil
		default:
			t.w = nil
		}
	}
	if t.large {
		t.siblings.lead(c, dir)
		return
	}
	// What is known need not be learnt: this may be a second walk.
	if l, err := c.keptListing(dir); l == nil && err == nil && !c.recorded(dir) {
		t.w = c.walk(t.scope, dir)
	}
}

// endTour stops what goes ahead of a walk; walks.mu is held.
func (c *Catalog) endTour(t *tour) {
	if t.w != nil {
		t.w.cancel()
	}
	t.siblings.end(c)
	t.w, t.large = nil, false
}

// awaitWalk returns the listing of path that a walker has or is about to have. One
// that it should have had and has not lies behind directories that are too large.
func (c *Catalog) awaitWalk(ctx context.Context, path string, epoch uint64) *Listing {
	c.walks.mu.Lock()
	var t *tour
	var w *walker
	for _, t = range c.walks.tours.active {
		if t.w != nil && below(path, t.w.scope) {
			w = t.w
			break
		}
	}
	c.walks.mu.Unlock()
	if w == nil {
		return nil
	}
	l, lost := w.await(ctx, path, epoch)
	if lost {
		w.cancel()
		c.walks.mu.Lock()
		defer c.walks.mu.Unlock()
		if t.w == w {
			t.w, t.large = nil, true
		}
	}
	if l != nil && l.Fresh() == 0 {
		return nil // it has waited for too long
	}
	return l
}

// learn keeps a listing, however it came.
func (c *Catalog) learn(path string, l *Listing, epoch uint64) {
	c.hidden.log(path, l.Hidden)
	c.strays.listed(path)
	c.keeping.Lock()
	defer c.keeping.Unlock()
	if c.cfg.TTL != 0 && c.epoch.Load() == epoch && !l.recalled {
		c.store.put(listingKey(path), &held{listing: l, asked: l.asked})
	}
}

// unlearn gives up what is kept of a directory that was not there when somebody asked:
// while S3 is away its names would be the last that was heard.
func (c *Catalog) unlearn(path string, asked time.Time, epoch uint64) {
	c.keeping.Lock()
	defer c.keeping.Unlock()
	key := listingKey(path)
	if h := c.store.get(key); c.epoch.Load() == epoch && (h == nil || h.asked.Before(asked)) {
		c.store.drop(key)
	}
}

// ignoresAfter reports whether the bucket is known to begin elsewhere than asked.
func (c *Catalog) ignoresAfter() bool {
	b, ok := c.cfg.Bucket.(s3backend.AfterIgnorer)
	return ok && b.IgnoresAfter()
}

// sawNoSpans notes that the bucket does not list a part of its keys as asked.
func (c *Catalog) sawNoSpans() {
	if !c.spanless.Swap(true) {
		c.cfg.Logger.Warn("the bucket does not know start-after: directories are not listed ahead")
	}
}

// gap returns how many directories lie between two of one parent; negative when they
// are more than maxGap, stand in the other order, or are not known to be there.
func (c *Catalog) gap(parent, from, to string) int {
	l, _ := c.Kept(parent)
	if l == nil {
		return -1
	}
	a, okA := l.Place(from)
	b, okB := l.Place(to)
	if !okA || !okB || b <= a || b-a > maxWalkGap {
		return -1
	}
	dirs := 0
	for i, n := range l.From(a + 1) {
		if i == b {
			break
		}
		if n.Dir {
			if dirs++; dirs > maxGap {
				return -1 // who asks wants no more
			}
		}
	}
	return dirs
}

// maxWalkGap bounds the names looked at between two directories.
const maxWalkGap = 10_000
