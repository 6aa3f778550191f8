package s3backend

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"time"
)

const (
	// formerFor is how long an answer holds, none included: so a reader that goes on
	// reading what is gone asks once a minute and not for each block.
	formerFor = time.Minute
	// unknownFor is how long it holds that nothing is known: a server that fails at this
	// question only is not asked for each block either.
	unknownFor = 5 * time.Second
	// refusedFor is how long nobody asks where versions cannot be listed. Not for ever: a
	// bucket may be given versions, and a user the permission, under a mount of months.
	refusedFor = 5 * time.Minute
	// maxFormer answers are kept: 1 MiB with the longest keys. One that was dropped is
	// asked for again.
	maxFormer = 1000
	// Most versions that somebody reads were replaced lately, and a small page has no
	// thousand others, of keys that begin alike; what has more versions than there are on
	// so many pages is given up.
	firstFormerPage = 100
	maxFormerPages  = 10
)

// formers knows by which ids replaced versions are still there, of which only the bytes
// were known: listings carry no ids. One question serves all that read a version. It runs
// under the client's context, so that a reader who leaves does not end it for others.
type formers struct {
	mu      sync.Mutex // guards all below
	asked   map[bytesOf]*former
	refused time.Time // until then nobody asks
	closed  bool
	running sync.WaitGroup
}

// bytesOf is what names the bytes of an object.
type bytesOf struct {
	key, etag string
	size      int64
}

// former is the answer for one version.
type former struct {
	done chan struct{} // closed after id and err are set
	id   string        // empty: not there, or nobody may know
	err  error         // why nothing is known now
	at   time.Time     // of the answer; zero before. formers.mu guards it
}

// orFormer asks, and when the object has changed and the caller knew no version id, once
// more by the id that the bucket still has its bytes under, which stays in obj. A guess
// only uses what is known: whoever reads the object will ask.
func (c *Client) orFormer(ctx context.Context, obj *Object, ask func() error) error {
	err := ask()
	if !errors.Is(err, ErrChanged) || obj.VersionID != "" || obj.ETag == "" ||
		c.unversioned.Load() || directoryBucket(c.o.Bucket) {
		return err
	}
	q := c.formers.ask(c, *obj, urgent(ctx))
	if q == nil {
		return err
	}
	select {
	case <-q.done:
	case <-ctx.Done():
		err = ctx.Err()
		if errors.Is(context.Cause(ctx), errTimeUp) {
			err = errTimeUp
		}
		return opError("versions", obj.Key, err)
	}
	switch {
	case q.err != nil:
		return q.err
	case q.id == "":
		return err
	}
	obj.VersionID = q.id
	return ask()
}

// ask returns the question about obj, under way or answered, begun only if that is urgent;
// nil when nobody asks.
func (f *formers) ask(c *Client, obj Object, urgent bool) *former {
	key, now := bytesOf{obj.Key, obj.ETag, obj.Size}, time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	if q := f.asked[key]; q != nil && q.holds(now) {
		return q
	}
	if !urgent || f.closed || now.Before(f.refused) {
		return nil
	}
	for other := range f.asked {
		if len(f.asked) < maxFormer {
			break
		}
		delete(f.asked, other)
	}
	if f.asked == nil {
		f.asked = make(map[bytesOf]*former)
	}
	q := &former{done: make(chan struct{})}
	f.asked[key] = q
	f.running.Go(func() {
		defer close(q.done)
		ctx, cancel := context.WithTimeoutCause(c.life, c.o.RequestTimeout, errTimeUp)
		defer cancel()
		id, err := c.findFormer(ctx, obj)
		f.answer(c, q, id, err)
	})
	return q
}

// holds reports whether q need not be asked again; formers.mu is held.
func (q *former) holds(now time.Time) bool {
	age := now.Sub(q.at)
	return q.at.IsZero() || age < unknownFor || q.err == nil && age < formerFor
}

// answer notes what came of a question.
func (f *formers) answer(c *Client, q *former, id string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	q.at = time.Now()
	switch {
	case err == nil:
		q.id = id
	case c.life.Err() != nil:
	case unanswered(err), errors.Is(err, ErrThrottled), errors.Is(err, ErrCredentials):
		q.err = err
	case errors.Is(err, fs.ErrPermission), errors.Is(err, errNotOffered):
		f.refused = q.at.Add(refusedFor)
		c.log.Info("versions cannot be listed: a file that is replaced while open may not be read on", "error", err)
	default:
		// A wrong answer, perhaps to this question only: as if this version were gone.
	}
}

// findFormer looks among the key's versions, newest first, for one with the bytes of obj.
// Any will do; the one put at the same time is the very same.
func (c *Client) findFormer(ctx context.Context, obj Object) (id string, err error) {
	from, limit := VersionMark{}, firstFormerPage
	for range maxFormerPages {
		page, err := c.versions(ctx, obj.Key, from, limit, c.callAside)
		if err != nil {
			return "", err
		}
		for _, v := range page.Versions {
			o := v.Object
			switch {
			case o.Key != obj.Key:
				return id, nil // its own versions come before those of longer keys
			case v.Deleted, o.Size != obj.Size, !sameETag(o.ETag, obj.ETag), o.Archived():
			case o.ModTime.Equal(obj.ModTime):
				return o.VersionID, nil
			case id == "":
				id = o.VersionID
			}
		}
		if id != "" || !page.More || page.Next.Key != obj.Key {
			return id, nil
		}
		from, limit = page.Next, maxKeys
	}
	return "", nil
}

// close takes back what is asked; the client's context has ended.
func (f *formers) close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.running.Wait()
}
