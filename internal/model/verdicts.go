package model

import (
	"fmt"
	"time"
)

// BelowFile judges the answer that something above path is a file.
func (j *Judge) BelowFile(path string, said Said) error {
	for at := Parent(path); at != ""; at = Parent(at) {
		from := j.since(at, File, said, j.TTL)
		for _, s := range j.during(from, said.Answered) {
			if j.shown(s).At(at).Kind == File {
				return nil
			}
		}
	}
	return fmt.Errorf("%q is said to lie below a file", path)
}

// NoDirectory judges the answer that path is none.
func (j *Judge) NoDirectory(path string, said Said) error {
	// It may be known as a file, and that for as long as any.
	for _, ttl := range []time.Duration{j.NegativeTTL, j.TTL} {
		from := j.since(path, Absent, said, ttl)
		for _, s := range j.during(from, said.Answered) {
			if kind := j.shown(s).At(path).Kind; kind == Absent && ttl == j.NegativeTTL || kind == File {
				return nil
			}
		}
	}
	return fmt.Errorf("%q is said to be no directory: it was %s", path, j.tell(path, said.Asked.Add(-max(j.TTL, 0)), said.Answered))
}

// Revalidated judges a version that was asked for at the open: the object at the
// path's key, whether or not a directory has taken its name meanwhile.
func (j *Judge) Revalidated(path string, o Object, said Said) error {
	if is, _ := j.Holds(path, o.ETag, said.Asked, said.Answered); is {
		put(&j.revalidated, path, said.Asked)
		return nil
	}
	return fmt.Errorf("%q was opened anew at %s, which was gone", path, o.ETag)
}

// Vanished judges an open that was answered with ErrStale: the object that path was
// known as is gone.
func (j *Judge) Vanished(path string, said Said) error {
	for _, s := range j.during(said.Asked, said.Answered) {
		if _, ok := j.shown(s).Files[path]; !ok {
			j.Forget(path, said.Asked)
			return nil
		}
	}
	return fmt.Errorf("%q is said to be gone", path)
}
