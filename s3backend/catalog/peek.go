package catalog

import (
	"context"
	"errors"
	"io/fs"
	"slices"
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
	mu    sync.Mutex // guards worth
	worth worth
}

// due reports whether to ask for a page.
func (p *peeks) due() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.worth.due()
}

// took takes note that path is a directory, and of how many keys told so.
func (p *peeks) took(path string, keys int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.worth.took(reach{path, path}, keys)
}

// denied takes note that there may be no more use in asking for pages.
func (p *peeks) denied() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.worth.denied()
}

// used takes note that somebody asks for path.
func (p *peeks) used(path string) {
	dir, _ := split(path)
	if dir == "" {
		return // nobody asks for the root
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.worth.used(dir)
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
	listed, dirs := c.learnKeys(s3backend.Span{Prefix: c.Below(path)}, path, keys, whole, asked, epoch)
	c.strays.peeked(path, slices.Contains(listed, path), dirs)
	return c.dirNode(path, keys[0]), true, nil
}

// learnKeys keeps what the first keys of a span tell, which lies below scope, whole or
// not. It returns the directories that are listed then, in the order of the keys, and
// otherwise how many were seen in scope. What is not in order tells nothing else than
// that it is there.
func (c *Catalog) learnKeys(span s3backend.Span, scope string, keys []s3backend.Entry, whole bool, asked time.Time, epoch uint64) (listed []string, dirs int) {
	var all []*Listing
	s := sweep{
		rules: c.rules(scope), seed: c.seed, ttl: c.cfg.TTL, after: span.After, asked: asked,
		done: func(path string, l *Listing) {
			listed, all = append(listed, path), append(all, l)
		},
	}
	s.enter(span.Prefix, scope)
	for _, e := range keys {
		last := s.last
		if s.add(e) == nil {
			continue
		}
		switch key := e.Object.Key; {
		case key < last:
			c.sawDisorder()
		case last == "" && key <= span.After:
			c.sawNoSpans()
		}
		return nil, 0
	}
	if whole {
		s.end()
	}
	for i, path := range listed {
		c.learn(path, all[i], epoch)
	}
	if len(s.open) == 0 {
		return listed, 0
	}
	// The directories that the last key lies in go on behind it. scope itself the
	// caller keeps.
	for _, in := range s.open[1:] {
		_, name := split(in.path)
		marker := in.m.out.Marker
		c.keep(in.path, Node{Name: name, Dir: true, Object: marker, ModTime: marker.ModTime}, nil, asked, epoch)
	}
	for _, n := range s.open[0].m.held {
		if n.Dir {
			dirs++
		}
	}
	return listed, dirs
}
