package catalog

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
)

// Lookup returns the node at path (relative to the prefix, "" is the root), or
// fs.ErrNotExist (an [*AbsentError]), fs.ErrPermission, or the bucket's error.
// ctx ends this caller's wait, half a second later, and not the question.
func (c *Catalog) Lookup(ctx context.Context, path string) (Node, error) {
	if path == "" {
		return Node{Dir: true, Fresh: forEver}, nil
	}
	if _, ok := c.means(path); !ok {
		return Node{}, &AbsentError{Path: path, Fresh: forEver}
	}
	c.used(path)
	c.first(ctx, path)
	if n, err, ok := c.kept(path); ok {
		return n, err
	}
	key := flightKey{epoch: c.epoch.Load(), path: path}
	return c.nodes.do(ctx, c, key, func(ctx context.Context) (Node, error) {
		// Another flight may have landed since the look above.
		if n, err, ok := c.kept(path); ok {
			return n, err
		}
		if c.recallNode(ctx, path) {
			if n, err, ok := c.kept(path); ok {
				return n, err
			}
		}
		ctx = c.withFallback(ctx, func() bool { return c.everKnown(path) != nil })
		names, err := c.askAround(ctx, path, key.epoch)
		if names == nil {
			if n, err, ok := c.kept(path); ok {
				return n, err
			}
		}
		var n Node
		asked := time.Now()
		if err == nil {
			n, err = c.askLookup(ctx, path, key.epoch)
			c.await(names)
		}
		if old := c.expired(err, path); old != nil {
			return c.answerExpired(path, old)
		}
		if err == nil && n.Dir {
			dir, _ := split(path)
			c.strays.found(dir)
		}
		return c.keep(path, n, err, asked, key.epoch)
	})
}

// kept answers from memory.
func (c *Catalog) kept(path string) (Node, error, bool) {
	if c.begin() != nil {
		return Node{}, context.Canceled, true
	}
	defer c.end()
	known := c.known(path)
	if known == nil {
		return Node{}, nil, false
	}
	ttl := c.cfg.TTL
	if known.absent {
		ttl = c.cfg.NegativeTTL
	}
	left := remaining(known.asked, ttl)
	switch {
	case left == 0:
		return Node{}, nil, false
	case known.absent:
		return Node{}, &AbsentError{Path: path, Fresh: left}, true
	}
	n := known.node
	n.Fresh = left
	return n, nil, true
}

// known returns what was last heard of path: of itself, or in a complete listing of
// its parent or of what lies in it, whichever was asked last; nil for nothing. What never
// expires is the file that was looked at by itself, whoever lists its directory later.
func (c *Catalog) known(path string) *held {
	dir, name := split(path)
	own, list := c.store.get(nodeKey(path)), c.store.get(listingKey(dir))
	if c.lasting(own) {
		return own
	}
	if list != nil && (own == nil || own.asked.Before(list.asked)) {
		n, ok := list.listing.Find(name)
		// A listing does not say whether an archived object is restored, so
		// that one is looked up by itself.
		if !n.Object.Archived() {
			own = &held{asked: list.asked, kept: list.kept, node: n, absent: !ok}
		}
	}
	// What has names in it is a directory.
	if in := c.store.get(listingKey(path)); in != nil && in.listing.found && (own == nil || own.asked.Before(in.asked)) {
		marker := in.listing.Marker
		own = &held{asked: in.asked, kept: in.kept, node: Node{Name: name, Dir: true, Object: marker, ModTime: marker.ModTime}}
	}
	if g := c.growingAt(dir); g != nil {
		n, found, ok, asked := g.find(name)
		if ok && !n.Object.Archived() && (own == nil || own.asked.Before(asked)) {
			own = &held{asked: asked, kept: time.Now(), node: n, absent: !found}
		}
	}
	return own
}

// lasting reports whether a name's own answer is a file that never expires.
func (c *Catalog) lasting(own *held) bool {
	return c.cfg.TTL < 0 && own != nil && !own.absent && !own.node.Dir
}

// first returns the file at path as it was first looked at, by an earlier mount too,
// where that holds for ever; nil for none. It is in memory then.
func (c *Catalog) first(ctx context.Context, path string) *held {
	if c.cfg.TTL >= 0 || c.begin() != nil {
		return nil
	}
	defer c.end()
	if own := c.recall(ctx, nodeKey(path), -1); c.lasting(own) {
		return own
	}
	return nil
}

// keep stores an answer and stamps it with what is left of its time.
func (c *Catalog) keep(path string, n Node, err error, asked time.Time, epoch uint64) (Node, error) {
	c.keeping.Lock()
	defer c.keeping.Unlock()
	return c.keepLocked(path, n, err, asked, epoch)
}

func (c *Catalog) keepLocked(path string, n Node, err error, asked time.Time, epoch uint64) (Node, error) {
	h := &held{node: n, asked: asked}
	ttl := c.cfg.TTL
	if errors.Is(err, fs.ErrNotExist) {
		h.absent, ttl = true, c.cfg.NegativeTTL
	} else if err != nil {
		return Node{}, err
	}
	fresh := remaining(asked, ttl)
	if c.store.marks.cover(path, asked) {
		fresh = 0 // refreshed since: the kernel is not to keep it either
	}
	n.Fresh = fresh
	if h.absent {
		n, err = Node{}, &AbsentError{Path: path, Fresh: fresh}
	}
	// Absence is kept even if it is not to be believed: while S3 is away an older
	// answer would be the last that was heard.
	if (ttl != 0 || h.absent && c.cfg.TTL != 0) && c.epoch.Load() == epoch {
		c.store.put(nodeKey(path), h)
	}
	return n, err
}

// askLookup asks both questions at once (rule 11). One LIST of the path without
// its slash would not do: "a-1" sorts before "a/", so that the first page may
// lack it.
func (c *Catalog) askLookup(ctx context.Context, path string, epoch uint64) (Node, error) {
	what, _ := c.means(path)
	key := c.Key(path)
	switch {
	case what == content:
		// Its directory need not be asked for: the marker is below it.
		obj, err := c.cfg.Bucket.Head(ctx, key)
		return c.object(path, what, obj, err)
	case !isObject(key):
		dir, isDir, err := c.askDir(ctx, path, epoch)
		if err == nil && !isDir {
			err = fs.ErrNotExist
		}
		return dir, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type headed struct {
		obj s3backend.Object
		err error
	}
	head := make(chan headed, 1)
	go func() {
		obj, err := guarded(c, func() (s3backend.Object, error) {
			return c.cfg.Bucket.Head(ctx, key)
		})
		head <- headed{obj, err}
	}()
	dir, isDir, dirErr := c.askDir(ctx, path, epoch)
	decided := isDir == (what == itself)
	if dirErr == nil && decided || dirErr != nil && !errors.Is(dirErr, fs.ErrPermission) {
		cancel() // the other answer no longer matters
	}
	h := <-head
	switch {
	case isDir && what == itself:
		return dir, nil
	case what == shadowed && (dirErr != nil || !isDir):
		if dirErr == nil {
			dirErr = fs.ErrNotExist // it is called by its key
		}
		return Node{}, dirErr
	}
	file, err := c.object(path, what, h.obj, h.err)
	return decide(file, err, dirErr)
}

// object returns the node of an object at path, from the answer to HEAD.
func (c *Catalog) object(path string, what meaning, obj s3backend.Object, err error) (Node, error) {
	_, name := split(path)
	called := name
	if what == shadowed {
		called = strings.TrimSuffix(name, shadowMark)
	}
	switch {
	case err != nil:
		return Node{}, err
	case what == content && obj.Size == 0, c.cfg.HideFolderMarkers && folderMarker(called, obj.Size):
		return Node{}, fs.ErrNotExist
	}
	return Node{Name: name, Object: obj, ModTime: obj.ModTime}, nil
}

// decide combines the answers to "is it a file" and "is it a directory" when the
// latter is not yes. Nothing is said to be absent unless both said so: where
// listing is denied S3 answers 403 for a key that does not exist, and a server
// that answers 404 there still leaves open whether it is a directory.
func decide(file Node, headErr, dirErr error) (Node, error) {
	denied := errors.Is(dirErr, fs.ErrPermission)
	switch {
	case dirErr != nil && !denied:
		return Node{}, dirErr
	case headErr == nil:
		return file, nil
	case denied && errors.Is(headErr, fs.ErrNotExist):
		return Node{}, dirErr
	}
	return Node{}, headErr
}

// askDir asks whether anything lies below path.
func (c *Catalog) askDir(ctx context.Context, path string, epoch uint64) (Node, bool, error) {
	if len(c.Below(path)) > maxKey {
		return Node{}, false, nil // no key is as long, and S3 may refuse the question
	}
	// What shadows an object lies at another path.
	if what, _ := c.means(path); what == itself && c.mayPeek() {
		if b, ok := c.cfg.Bucket.(s3backend.Peeker); ok {
			if n, isDir, err := c.peek(ctx, b, path, epoch); !unpeekable(err) {
				return n, isDir, err
			}
		}
	}
	for e, err := range c.cfg.Bucket.List(ctx, c.Below(path), 1) {
		if err != nil {
			return Node{}, false, err
		}
		c.peeks.took(path, 1)
		return c.dirNode(path, e), true, nil
	}
	return Node{}, false, nil
}

// dirNode is the directory at path, of which e is the first key.
func (c *Catalog) dirNode(path string, e s3backend.Entry) Node {
	_, name := split(path)
	n := Node{Name: name, Dir: true}
	if e.Object.Key == c.Below(path) && !e.Dir {
		n.Object, n.ModTime = e.Object, e.Object.ModTime
	}
	return n
}

// Revalidate asks the bucket for path's current version, whatever is kept: one
// HEAD of its own, so that the answer is never older than the call. When it is
// not what was kept, that is dropped, and the parent's listing too.
func (c *Catalog) Revalidate(ctx context.Context, path string) (Node, error) {
	what, ok := c.means(path)
	key := c.Key(path)
	if path == "" || !ok || what != content && !isObject(key) {
		return c.Lookup(ctx, path)
	}
	if err := c.begin(); err != nil {
		return Node{}, err
	}
	defer c.end()
	caller := ctx
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	defer context.AfterFunc(caller, func() {
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-ctx.Done():
		}
	})()

	asked, epoch := time.Now(), c.epoch.Load()
	// Whose policy it is to ask at each open goes on with the version that is known.
	obj, err := c.cfg.Bucket.Head(c.withFallback(ctx, c.RevalidateOnOpen), key)
	if err == nil && what == content && obj.Size == 0 {
		err = fs.ErrNotExist
	}
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			c.Forget(path)
			err = &AbsentError{Path: path}
		}
		return Node{}, err
	}
	_, name := split(path)
	n := Node{Name: name, Object: obj, ModTime: obj.ModTime}
	c.keeping.Lock()
	defer c.keeping.Unlock()
	if old := c.known(path); old != nil && old.node.Object.SameVersion(obj) && !c.listedOtherwise(path, obj) {
		// Whether a directory has taken its name (rule 5) was last asked then.
		return c.keepLocked(path, n, nil, old.asked, epoch)
	}
	// Questions under way may be answered with what this one has found to be gone.
	// What the name is now takes two questions, which the next lookup asks.
	c.forgetLocked(path)
	n.Fresh = remaining(asked, c.cfg.TTL)
	return n, nil
}

// listedOtherwise reports whether a listing that is kept, however old, tells of another version
// at path. Should a newer answer go from memory before it does, that would be what was last
// heard, and be told again while S3 is away.
func (c *Catalog) listedOtherwise(path string, obj s3backend.Object) bool {
	dir, name := split(path)
	list := c.store.get(listingKey(dir))
	if list == nil {
		return false
	}
	n, ok := list.listing.Find(name)
	return ok && !n.Dir && !n.Object.SameVersion(obj)
}
