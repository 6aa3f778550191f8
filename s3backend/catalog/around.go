package catalog

import (
	"context"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
)

// around is what to ask for beside a name, or in its stead.
type around int

const (
	askNothing around = iota
	askBelow          // a page of all keys below the directory, first
	askNames          // a page of its names, at the same time
	askAll            // all of them, for those who come later
)

// askAround asks for the names beside path, if that is likely to save requests: before
// the caller asks for path, or at the same time; names is closed when those have come,
// and nil where none do. An error ends the caller's question too: the bucket throttles or
// cannot be reached, or has no page of the keys that path would be among, as often as that
// was tried.
func (c *Catalog) askAround(ctx context.Context, path string, epoch uint64) (names <-chan struct{}, err error) {
	b, ok := c.cfg.Bucket.(s3backend.Peeker)
	if what, _ := c.means(path); !ok || what != itself || !c.mayPeek() {
		return nil, nil
	}
	dir, name := split(path)
	if l, _ := c.keptListing(dir); l != nil {
		if _, listed := l.Place(name); listed {
			return nil, nil // an archived object, of which another listing says no more
		}
	}
	switch c.strays.missed(dir, time.Now(), c.cfg.TTL) {
	case askBelow:
		err = c.askBelow(ctx, b, dir, epoch)
		if c.known(path) != nil {
			c.peeks.used(path) // by this one already
		}
	case askNames:
		// One that comes tells more.
		if c.growingAt(dir) == nil {
			names = c.askNames(b, dir, epoch)
		} else {
			c.strays.unnamed(dir)
		}
	case askAll:
		c.renew(dir, strayNames)
	}
	return names, err
}

// askBelow asks for the keys below dir, which is known by its name only.
func (c *Catalog) askBelow(ctx context.Context, b s3backend.Peeker, dir string, epoch uint64) error {
	if !c.spanless.Load() && c.strays.goesOn(dir) {
		if told, err := c.peekBeside(ctx, b, dir, epoch); told || err != nil {
			return err
		}
	}
	_, found, err := c.peek(ctx, b, dir, epoch)
	switch {
	case found:
		c.strays.entered(dir)
	case unpeekable(err):
		return nil // the first key may be had
	}
	return err
}

// used takes note that somebody asks for path.
func (c *Catalog) used(path string) {
	c.peeks.used(path)
	c.strays.used(path, c.Below)
}
