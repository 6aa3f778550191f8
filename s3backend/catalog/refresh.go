package catalog

import (
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// maxMarks bounds the directories whose refreshing is remembered; one more forgets
// all that is kept.
const maxMarks = 1000

// Refresh drops what is kept about path, about its place in its parent's listing,
// and about all below it: what is asked from now on is asked anew, after a restart too.
// "" is all. Where a directory above path is not believed to be one, it is that
// which is refreshed: nothing in it could be seen. Refresh returns the path that was. It
// sends no request, and waits for the disk of the Ledger.
func (c *Catalog) Refresh(path string) string {
	if c.begin() != nil {
		return path
	}
	defer c.end()
	path = c.seenTo(path)
	c.refresh(path)
	if c.store.ledger != nil {
		c.store.ledger.Settle()
	}
	return path
}

// seenTo returns the topmost directory of path that is not believed to be one, else path.
func (c *Catalog) seenTo(path string) string {
	for i := range len(path) {
		if path[i] != '/' {
			continue
		}
		if h := c.everKnown(path[:i]); h != nil && !h.node.Dir {
			return path[:i]
		}
	}
	return path
}

func (c *Catalog) refresh(path string) {
	c.keeping.Lock()
	defer c.keeping.Unlock()
	now := time.Now()
	if !c.store.marks.add(path, now, c.longestTTL()) {
		c.store.clear()
	}
	c.strays.refreshed(path)
	dir, _ := split(path)
	c.store.drop(nodeKey(path), listingKey(path), listingKey(dir))
	if c.store.ledger != nil {
		c.store.ledger.Refresh(path)
	}
	c.epoch.Add(1) // last, as in forgetLocked: answers under way are not kept
}

// longestTTL is the age at which nothing that is kept is believed; negative is never.
func (c *Catalog) longestTTL() time.Duration {
	if c.cfg.OfflineOK || c.cfg.TTL < 0 || c.cfg.NegativeTTL < 0 {
		return -1
	}
	return max(c.cfg.TTL, c.cfg.NegativeTTL)
}

// marks are the moments from before which nothing is believed of some paths and of those
// below them. Looking is done at each look into the store, and is free while nothing was
// refreshed.
type marks struct {
	mu     sync.Mutex // of those who change latest
	latest atomic.Pointer[map[string]time.Time]
}

// add marks path, and forgets marks older than ttl, which hold of nothing any more.
// false says that there were too many: there is none then, and all that is kept
// must go.
func (m *marks) add(path string, now time.Time, ttl time.Duration) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	next := map[string]time.Time{path: now}
	if old := m.latest.Load(); old != nil {
		maps.Copy(next, *old)
		next[path] = now
	}
	maps.DeleteFunc(next, func(p string, at time.Time) bool {
		older := ttl >= 0 && now.Sub(at) > ttl
		// A mark covers the earlier ones below it.
		return older || p != path && (path == "" || strings.HasPrefix(p, path+"/"))
	})
	if len(next) > maxMarks {
		m.latest.Store(nil)
		return false
	}
	m.latest.Store(&next)
	return true
}

// any reports whether anything was refreshed.
func (m *marks) any() bool { return m.latest.Load() != nil }

// cover reports whether path was refreshed, by itself or from above, after asked.
func (m *marks) cover(path string, asked time.Time) bool {
	latest := m.latest.Load()
	if latest == nil {
		return false
	}
	for {
		if at, ok := (*latest)[path]; ok && asked.Before(at) {
			return true
		}
		if path == "" {
			return false
		}
		path, _ = split(path)
	}
}
