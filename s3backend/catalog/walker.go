package catalog

import (
	"context"
	"sync"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
)

const (
	// maxPagesAhead is the most pages that a walker has read and the walk not come
	// to: 16,000 keys.
	maxPagesAhead = 16
	// maxWait is how many pages a reader waits for its directory to come by, rather
	// than to ask for it.
	maxWait = 2
	// walkerIdle ends a walker whose walk has stopped.
	walkerIdle = 10 * time.Second
)

// walker reads the keys ahead of a walk, page by page, and makes listings of them.
// It has one goroutine, under the catalog's context.
type walker struct {
	c      *Catalog
	epoch  uint64
	scope  string
	after  string
	cancel context.CancelFunc

	mu     sync.Mutex // guards the following
	ahead  map[string]learned
	pages  int // received
	used   int // the latest page that a listing was used of
	window int // pages to be ahead of used
	wanted int // a reader waits for this page
	useful map[int]bool
	cursor string // the latest key
	ended  bool
	why    ending
	// changed is closed when any of these has changed.
	changed chan struct{}
}

// learned is a listing that nobody has used yet, and the page that completed it.
type learned struct {
	l    *Listing
	page int
}

// walk starts a walker for what lies below scope and behind dir.
func (c *Catalog) walk(scope, dir string) *walker {
	if c.begin() != nil {
		return nil
	}
	ctx, cancel := context.WithCancel(c.ctx)
	w := &walker{
		c: c, epoch: c.epoch.Load(), scope: scope, after: c.Below(dir), cancel: cancel,
		ahead: make(map[string]learned), window: 1, useful: make(map[int]bool), changed: make(chan struct{}),
	}
	w.cursor = w.after
	go func() {
		defer c.end()
		defer cancel()
		why, err := guarded(c, func() (ending, error) { return w.run(ctx) })
		if err != nil {
			c.cfg.Logger.Debug("listing ahead ended", "scope", scope, "error", err)
		}
		w.finish(why)
		w.room(ctx) // until nothing is unused, or the walk has stopped
		w.mu.Lock()
		defer w.mu.Unlock()
		w.c.counts.aheadWasted.Add(int64(w.pages - len(w.useful)))
		clear(w.ahead)
	}()
	return w
}

// run reads pages until the scope or the walk ends.
func (w *walker) run(ctx context.Context) (ending, error) {
	s := sweep{
		rules: w.c.rules(w.scope), seed: w.c.seed, ttl: w.c.cfg.TTL, after: w.after, asked: time.Now(),
	}
	found := 0
	s.done = func(path string, l *Listing) {
		found++
		w.keep(path, l)
	}
	s.enter(w.c.Below(w.scope), w.scope)
	small := 0 // the latest page that completed a directory
	// As a guess it gives way when the bucket throttles.
	for page, err := range w.c.pages(s3backend.AsGuess(ctx, w.isWanted), s3backend.Span{Prefix: w.c.Below(w.scope), After: w.after, Deep: true}) {
		if err != nil {
			return unfinished, err
		}
		n, before := w.arrived(), found
		if w.c.ignoresAfter() {
			return unsupported, nil
		}
		for _, e := range page {
			if err := s.add(e); err != nil {
				return unsupported, err
			}
		}
		w.reached(s.last)
		if found > before {
			small = n
		}
		if n-small >= maxWait {
			return largeDirs, nil
		}
		if !w.room(ctx) {
			return unfinished, ctx.Err()
		}
		s.asked = time.Now()
	}
	s.end()
	return scopeEnd, nil
}

// isWanted reports whether a reader waits for the next page.
func (w *walker) isWanted() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.wanted > w.pages
}

// arrived counts a page, and returns its number.
func (w *walker) arrived() int {
	w.c.counts.aheadPages.Add(1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pages++
	return w.pages
}

// keep takes a listing, as good as any other.
func (w *walker) keep(path string, l *Listing) {
	w.c.learn(path, l, w.epoch)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ahead[path] = learned{l, w.pages}
}

// reached says how far the keys of the latest page go.
func (w *walker) reached(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cursor = key
	w.tell()
}

// room waits until another page may be read, or at the end until all is used, and
// reports whether one may be read at all.
func (w *walker) room(ctx context.Context) bool {
	idle := time.NewTimer(walkerIdle)
	defer idle.Stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	for !w.ended && w.pages-w.used >= w.window && w.wanted <= w.pages || w.ended && len(w.ahead) > 0 {
		changed := w.changed
		w.mu.Unlock()
		alive := true
		select {
		case <-changed:
			idle.Reset(walkerIdle)
		case <-idle.C:
			alive = false
		case <-ctx.Done():
			alive = false
		}
		w.mu.Lock()
		if !alive {
			return false
		}
	}
	return w.epoch == w.c.epoch.Load() && ctx.Err() == nil
}

// tell wakes those who wait for a change; mu is held.
func (w *walker) tell() {
	close(w.changed)
	w.changed = make(chan struct{})
}

// finish says that no more pages come.
func (w *walker) finish(why ending) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended, w.why = true, why
	if why == unsupported {
		w.c.sawNoSpans()
	}
	w.tell()
}
