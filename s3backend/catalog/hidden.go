package catalog

import (
	"log/slog"
	"strconv"
	"sync"
)

// hiddenLog says once for each directory, and again when the counts change, that
// it has keys without a name (rule 7).
type hiddenLog struct {
	logger *slog.Logger
	mu     sync.Mutex // guards the following
	said   map[string]Hidden
	sum    int // of all that was said and still holds
}

// HiddenKeys returns how many keys have no name in the directories that were
// listed, as of their last listing; of the first 1,000 directories that had any.
func (c *Catalog) HiddenKeys() int {
	c.hidden.mu.Lock()
	defer c.hidden.mu.Unlock()
	return c.hidden.sum
}

// maxSaid bounds the directories remembered, in a bucket where each has hidden
// keys; beyond it they are not named, since a line for each would be a flood.
const maxSaid = 1000

func (l *hiddenLog) log(path string, h Hidden) {
	if !l.news(path, h) {
		return
	}
	l.logger.Warn("directory has keys that cannot be shown as files",
		"directory", strconv.QuoteToASCII("/"+path),
		"unrepresentable", h.Unrepresentable, "shadowed", h.Shadowed,
		"marker_content", h.MarkerContent, "too_long", h.TooLong)
}

func (l *hiddenLog) news(path string, h Hidden) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	old, known := l.said[path]
	switch {
	case old == h, !known && len(l.said) >= maxSaid:
		return false
	case l.said == nil:
		l.said = make(map[string]Hidden)
	}
	l.said[path] = h
	l.sum += h.Total() - old.Total()
	return h.Total() > 0
}
