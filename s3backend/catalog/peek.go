package catalog

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
)

// peeks decides how a lookup asks whether there is a directory: by one key, or by a
// page of them, which costs the same request and often tells all that lies below. The
// kernel looks up a path name by name, so that who asks for a directory mostly asks
// for something in it next. Where nobody does, as in a storm of stats on directories
// alone, pages of hundreds of keys are given up, until somebody would have had use of
// one. Safe for concurrent use; the zero value peeks.
type peeks struct {
	mu    sync.Mutex // guards the following
	spent int
	// asked are the directories asked for last, whose names nobody has asked for.
	asked [maxPeeked]string
	next  int
}

const (
	maxPeeked = 16
	// maxSpent is how many large pages may have been for nothing, each that was not
	// making up for one more.
	maxSpent = 8
	// smallPage is what a page may hold without being large: 30 KB, a packet or two
	// more than for one key.
	smallPage = 100
)

// due reports whether to ask for a page.
func (p *peeks) due() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.spent < maxSpent
}

// took takes note that path is a directory, and of how many keys told so.
func (p *peeks) took(path string, keys int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if keys > smallPage {
		p.spent++
	}
	p.asked[p.next] = path
	p.next = (p.next + 1) % maxPeeked
}

// denied takes note that there may be no more use in asking for pages.
func (p *peeks) denied() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spent = maxSpent
}

// used takes note that somebody asks for path.
func (p *peeks) used(path string) {
	dir, _ := split(path)
	if dir == "" {
		return // nobody asks for the root
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, asked := range p.asked {
		if asked == dir {
			p.asked[i] = ""
			p.spent = max(p.spent-2, 0)
			return
		}
	}
}

// mayPeek reports whether what a page of keys tells could be kept, and is likely to be
// asked for.
func (c *Catalog) mayPeek() bool {
	return c.cfg.ListAhead && c.cfg.TTL != 0 && !c.unordered.Load() && c.peeks.due()
}

// unpeekable reports whether the first key alone may be had although a page of them is
// not: a policy may allow listings with a delimiter only, and of some servers a page is
// no XML if there is one odd key in it, however deep.
func unpeekable(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, s3backend.ErrBadAnswer)
}

// peek is askDir by a page of keys. All directories that it covers wholly are listed
// then; below one with no more keys than that nothing is asked any more.
func (c *Catalog) peek(ctx context.Context, b s3backend.Peeker, path string, epoch uint64) (Node, bool, error) {
	asked := time.Now()
	keys, whole, err := b.Peek(ctx, s3backend.Span{Prefix: c.Below(path), Deep: true})
	if unpeekable(err) {
		c.peeks.denied()
	}
	if err != nil || len(keys) == 0 {
		return Node{}, false, err
	}
	c.peeks.took(path, len(keys))
	c.strays.peeked(path, c.learnBelow(path, keys, whole, asked, epoch))
	return c.dirNode(path, keys[0]), true, nil
}

// learnBelow keeps what the first keys below path tell, whole or not, and reports
// whether path is listed then. What is not in order tells nothing else than that it is
// there.
func (c *Catalog) learnBelow(path string, keys []s3backend.Entry, whole bool, asked time.Time, epoch uint64) bool {
	type listed struct {
		path string
		l    *Listing
	}
	var all []listed
	s := sweep{
		rules: c.rules(path), seed: c.seed, ttl: c.cfg.TTL, asked: asked,
		done: func(path string, l *Listing) { all = append(all, listed{path, l}) },
	}
	s.enter(c.Below(path), path)
	for _, e := range keys {
		if s.add(e) != nil {
			return false
		}
	}
	if whole {
		s.end()
	}
	for _, a := range all {
		c.learn(a.path, a.l, epoch)
	}
	// The directories that the last key lies in go on behind it. path itself the
	// caller keeps.
	for _, in := range s.open[min(1, len(s.open)):] {
		_, name := split(in.path)
		marker := in.m.out.Marker
		c.keep(in.path, Node{Name: name, Dir: true, Object: marker, ModTime: marker.ModTime}, nil, asked, epoch)
	}
	return whole
}
