package catalog

import (
	"context"
	"math"
	"time"
)

// Snapshot is a reader's view of a directory, which may still be loading: its nodes
// are in their final order, and none changes its place. One goroutine at a time
// uses it, and closes it.
type Snapshot struct {
	c    *Catalog
	path string
	list *Listing // what is known; all of it once g is nil
	g    *growing
	u    unpacker // in the run of the latest node
	at   int      // index of u's next node
	node Node     // that At gave last
}

// Open returns the directory at path as one snapshot no older than the TTL, which
// is read while it loads. Whether there is such a directory At says.
func (c *Catalog) Open(path string) (*Snapshot, error) {
	if what, ok := c.means(path); !ok || what != itself {
		return nil, &AbsentError{Path: path, Fresh: forEver}
	}
	c.used(path + "/")
	c.heard(path)
	g, l, err := c.grow(path)
	switch {
	case err != nil:
		return nil, err
	case l != nil:
		return &Snapshot{c: c, path: path, list: l}, nil
	}
	return &Snapshot{c: c, path: path, list: &Listing{}, g: g}, nil
}

// At returns the i-th node with what is left of its time; ok is false past the last
// one. It waits until the node has come, or for half a second after the end of ctx.
// An error is that of the listing, which failed after the nodes before i. A path
// below which there is nothing is fs.ErrNotExist, except the root.
func (s *Snapshot) At(ctx context.Context, i int) (n Node, ok bool, err error) {
	for i >= s.list.Len() && s.g != nil {
		if err := s.wait(ctx, i); err != nil {
			return Node{}, false, err
		}
	}
	if i >= s.list.Len() {
		return Node{}, false, nil
	}
	// Readers go on from one to the next.
	if s.u.run == nil || s.at != i || s.u.next == s.u.run.n {
		s.u, s.at = s.list.from(i), i
	}
	s.at++
	s.node = s.u.node()
	return s.fresh(s.node), true, nil
}

// fresh stamps a node with what is left of its time: nothing, if it was refreshed or
// forgotten since the listing was asked for. The kernel has forgotten it then, and is not
// to be told again to keep it.
func (s *Snapshot) fresh(n Node) Node {
	n = s.list.fresh(n)
	for _, m := range []*marks{&s.c.store.marks, &s.c.forgotten} {
		if m.any() && m.cover(join(s.path, n.Name), s.list.asked) {
			n.Fresh = 0
		}
	}
	return n
}

// wait returns when more than i nodes are known, or all.
func (s *Snapshot) wait(ctx context.Context, i int) error {
	s.g.reached(i)
	ended := ctx.Done()
	var late <-chan time.Time
	for {
		l, complete, changed, err := s.g.state()
		s.list, s.u = l, unpacker{}
		switch {
		case complete:
			s.leave()
			return nil
		case l.Len() > i:
			return nil
		case err != nil:
			return err
		}
		select {
		case <-changed:
		case <-ended:
			ended, late = nil, time.After(grace) // for all pages that come meanwhile
		case <-late:
			return ctx.Err()
		}
	}
}

// Find returns the node called name among those that are known, as Lookup would tell of
// it: with what is left of its time now.
func (s *Snapshot) Find(name string) (Node, bool) {
	n, ok := s.node, true
	if n.Name != name {
		n, ok = s.list.Find(name)
	}
	if ok && !n.Dir {
		if first := s.c.first(s.c.ctx, join(s.path, name)); first != nil {
			n = first.node
		}
	}
	return s.fresh(n), ok
}

// Complete returns the listing when all of it is known, otherwise nil.
func (s *Snapshot) Complete() *Listing {
	if s.g != nil {
		return nil
	}
	return s.list
}

// Close lets go of a listing that is still loading: it ends soon if nobody else
// reads it.
func (s *Snapshot) Close() { s.leave() }

func (s *Snapshot) leave() {
	if s.g != nil {
		s.g.leave()
		s.g = nil
	}
}

// List returns the directory at path as one immutable snapshot, no older than the
// TTL. A listing that fails at any page fails whole. A path below which there is
// nothing is fs.ErrNotExist, except the root.
func (c *Catalog) List(ctx context.Context, path string) (*Listing, error) {
	s, err := c.Open(path)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if s.g != nil {
		if err := s.wait(ctx, math.MaxInt); err != nil {
			return nil, err
		}
	}
	return s.list, nil
}

// patiently waits until done is closed, or for a grace after ctx has ended.
func patiently(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-done:
		return nil
	case <-timer.C:
		return ctx.Err()
	}
}
