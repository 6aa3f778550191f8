package catalog

import (
	"context"
	"math/bits"
	"sync"

	"github.com/zs3fs/zs3fs/s3backend"
)

// strays remembers what was asked of the directories in which names are looked up that
// no listing tells of, and says when to ask for the names around them too. Of a directory
// that is known by its name only, a page of the keys below it is asked for instead of the
// first name: 200 files of such a one took 400 requests, and take 1. Safe for concurrent
// use; the zero value is ready.
type strays struct {
	mu   sync.Mutex // guards the following
	dirs [maxStrays]stray
	next int
}

// stray is a directory that has no listing, for all that was asked.
type stray struct {
	used   bool // the place is taken
	dir    string
	misses int // names that were asked for
}

const (
	maxStrays = 64
	// manyStrays names cost 400 requests, as many as to list a directory of 400,000.
	manyStrays = 200
	// A directory with more names is not listed for them: one of 100 million would take
	// 3 GB, and an hour.
	strayNames = 2 * manyStrays * pageSize
)

// around is what to ask for beside a name, or in its stead.
type around int

const (
	askNothing around = iota
	askBelow          // a page of all keys below the directory
	askAll            // all of them
)

// missed says that a name is to be looked up in dir.
func (s *strays) missed(dir string) around {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.findLocked(dir)
	if d == nil {
		d = s.addLocked(dir)
		if dir != "" {
			return askBelow
		}
		// Below the root is all that there is: seldom a page.
	}
	d.misses++
	if d.misses%manyStrays == 0 && bits.OnesCount(uint(d.misses/manyStrays)) == 1 {
		// It may be too large: seldomer and seldomer then.
		return askAll
	}
	return askNothing
}

// peeked says that a page of keys below dir was asked for, and whether it was all.
func (s *strays) peeked(dir string, whole bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch d := s.findLocked(dir); {
	case whole && d != nil:
		*d = stray{}
	case !whole && d == nil:
		s.addLocked(dir)
	}
}

// listed says that dir has a listing.
func (s *strays) listed(dir string) { s.peeked(dir, true) }

func (s *strays) findLocked(dir string) *stray {
	for i := range s.dirs {
		if s.dirs[i].dir == dir && s.dirs[i].used {
			return &s.dirs[i]
		}
	}
	return nil
}

// addLocked gives dir the place of the one that has been there longest.
func (s *strays) addLocked(dir string) *stray {
	d := &s.dirs[s.next]
	s.next = (s.next + 1) % maxStrays
	*d = stray{dir: dir, used: true}
	return d
}

// askAround asks for the names beside path, if that is likely to save requests, and
// reports whether it has learnt any. What goes wrong is left to those who ask for path.
func (c *Catalog) askAround(ctx context.Context, path string, epoch uint64) bool {
	b, ok := c.cfg.Bucket.(s3backend.Peeker)
	if what, _ := c.means(path); !ok || what != itself || !c.mayPeek() {
		return false
	}
	dir, name := split(path)
	if l, _ := c.keptListing(dir); l != nil {
		if _, listed := l.Place(name); listed {
			return false // an archived object, of which another listing says no more
		}
	}
	switch c.strays.missed(dir) {
	case askBelow:
		_, found, err := c.peek(ctx, b, dir, epoch)
		if c.known(path) != nil {
			c.peeks.used(path) // by this one already
		}
		return found && err == nil
	case askAll:
		c.renew(dir, strayNames)
	}
	return false
}
