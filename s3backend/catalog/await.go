package catalog

import (
	"context"
	"strings"
)

// state returns whether the walker has ended, and why.
func (w *walker) state() (ended bool, why ending) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ended, w.why
}

// hit says that the walk has come to path.
func (w *walker) hit(path string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hitLocked(path)
}

func (w *walker) hitLocked(path string) *Listing {
	a, ok := w.ahead[path]
	if !ok {
		return nil
	}
	delete(w.ahead, path)
	if !w.useful[a.page] {
		w.useful[a.page] = true
		w.c.counts.aheadUseful.Add(1)
		w.window = min(2*w.window, maxPagesAhead)
	}
	w.used = max(w.used, a.page)
	w.tell()
	return a.l
}

// await returns the listing of path if the walker has it or is about to; nil if not.
// Of a directory with pages of keys below it the listing is not complete before the
// last of them, and is quicker to be had by itself. lost is true when the pages that
// came tell only of what lies before path, and of nothing that the walk came to.
func (w *walker) await(ctx context.Context, path string, epoch uint64) (l *Listing, lost bool) {
	prefix := w.c.Below(path)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.epoch != epoch {
		return nil, false // what it has is from before a refresh
	}
	for limit := w.pages + maxWait; ; {
		passed := w.cursor > prefix && !strings.HasPrefix(w.cursor, prefix)
		if l := w.hitLocked(path); l != nil {
			return l, false
		}
		switch {
		case w.ended, passed, !below(path, w.scope), w.after >= prefix:
			return nil, false
		case w.pages >= limit:
			return nil, w.cursor < prefix && w.pages-w.used >= maxWait
		}
		if next := w.pages + 1; w.wanted < next {
			w.wanted = next
			w.tell() // only once: two who wait would wake each other without end
		}
		changed := w.changed
		w.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
		w.mu.Lock()
		if ctx.Err() != nil {
			return nil, false
		}
	}
}
