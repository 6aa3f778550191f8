package catalog

import (
	"strings"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
)

// namesPatience is how long a lookup that has its own answer waits for the names around
// it: the next one may be among them, and would be asked for.
const namesPatience = 100 * time.Millisecond

// askNames asks for a page of the names in dir, as a guess. The channel is closed when it
// has come, or nobody is to wait for it any more.
func (c *Catalog) askNames(b s3backend.Peeker, dir string, epoch uint64) <-chan struct{} {
	if c.begin() != nil {
		return nil
	}
	done := make(chan struct{})
	go func() {
		defer c.end()
		defer close(done)
		_, err := guarded(c, func() (struct{}, error) { return struct{}{}, c.learnNames(b, dir, epoch) })
		if err != nil {
			if !unpeekable(err) { // which it would be again
				c.strays.unnamed(dir)
			}
			c.cfg.Logger.Debug("the names around are not known", "dir", dir, "error", err)
		}
	}()
	return done
}

// learnNames keeps of a page of names the directories, each by itself. A file's HEAD
// tells its version id, which a page does not; and who looks for a name that has just
// come is not to be told for --negative-metadata-ttl that there is none.
func (c *Catalog) learnNames(b s3backend.Peeker, dir string, epoch uint64) error {
	asked := time.Now()
	ctx := s3backend.AsGuess(c.ctx, func() bool { return false })
	entries, _, err := b.Peek(ctx, s3backend.Span{Prefix: c.Below(dir)})
	if err != nil {
		return err
	}
	m := newMapping(c.Below(dir), c.rules(dir), c.seed)
	if err := m.addAll(entries); err != nil {
		return err
	}
	if m.unordered {
		c.sawDisorder()
	}
	any := false
	for _, n := range m.held {
		if !n.Dir {
			continue
		}
		any = true
		path := strings.TrimPrefix(dir+"/"+n.Name, "/")
		if old, err, ok := c.kept(path); ok && err == nil && old.Dir {
			continue // of which the marker may be known too
		}
		c.keep(path, n, nil, asked, epoch)
	}
	c.strays.showed(dir, any)
	return nil
}

// await waits for the names around a path whose own answer is there.
func (c *Catalog) await(names <-chan struct{}) {
	if names == nil {
		return
	}
	timer := time.NewTimer(namesPatience)
	defer timer.Stop()
	select {
	case <-names:
	case <-timer.C:
	}
}
