package catalog

import (
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
)

// Told keeps what the bucket was asked before the catalog was made, or by somebody else
// before its first question: all entries of the root's level, in any order. Each name is
// kept by itself and no listing: who mounts, puts an object and looks for it is not to be
// told for NegativeTTL that there is none.
func (c *Catalog) Told(entries []s3backend.Entry, asked time.Time) {
	if c.begin() != nil {
		return
	}
	defer c.end()
	m := newMapping(c.cfg.Prefix, c.rules(""), c.seed)
	m.whole = true
	if m.addAll(entries) != nil {
		return
	}
	for _, n := range m.finish().From(0) {
		// A listing does not say whether an archived object is restored.
		if !n.Object.Archived() {
			// Asked before the first Forget, if there was one.
			c.keep(n.Name, n, nil, asked, 0)
		}
	}
}
