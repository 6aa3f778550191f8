package catalog

import (
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
)

// Told keeps what the bucket was asked before the catalog was made, or by somebody else
// before its first question: all entries of the root's level, in any order. Each name is
// kept by itself and no listing: who mounts, puts an object and looks for it is not to be
// told for NegativeTTL that there is none. What is known already and fresh stands, to an
// earlier process too: it is the older version where that holds for ever, and may be from
// a HEAD, which tells the version id. So Told waits for the Ledger, for seconds at most.
func (c *Catalog) Told(entries []s3backend.Entry, asked time.Time) {
	if c.begin() != nil {
		return
	}
	defer c.end()
	if len(entries) == 0 {
		return
	}
	m := newMapping(c.cfg.Prefix, c.rules(""), c.seed)
	m.whole = true
	if m.addAll(entries) != nil {
		return
	}
	c.recall(c.ctx, listingKey(""), c.cfg.TTL)
	for _, n := range m.finish().From(0) {
		// A listing does not say whether an archived object is restored.
		if n.Object.Archived() || c.freshAtTop(n.Name) {
			continue
		}
		// Asked before the first Forget, if there was one.
		c.keep(n.Name, n, nil, asked, 0)
	}
}

// freshAtTop reports whether a name in the root has a fresh answer, in the Ledger too, from
// which the root's listing has been recalled. A name's own listing may be large, and is not
// read.
func (c *Catalog) freshAtTop(name string) bool {
	if c.recorded(name) {
		return true
	}
	c.recall(c.ctx, nodeKey(name), c.cfg.TTL)
	_, _, fresh := c.kept(name)
	return fresh
}
