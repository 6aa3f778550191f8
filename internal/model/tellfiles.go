package model

import (
	"errors"
	"io/fs"
)

// opened is an open file.
type opened struct {
	Handle
	path string
}

// open opens a file; other paths are looked up only.
func (t *Teller) open(path string, direct bool) error {
	var (
		h   Handle
		err error
	)
	said := t.ask(func() { h, err = t.Subject.Open(path, direct) })
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, ErrNotDir):
		return t.answered(path, Node{}, err, said)
	case errors.Is(err, ErrStale):
		t.note("open %q: %v", path, err)
		return t.Judge.Vanished(path, said)
	case err != nil:
		t.Counts.Failed++
		return t.Judge.Failed(path, err, said)
	case h == nil: // a directory
		return t.answered(path, Node{Kind: Dir}, nil, said)
	}
	t.note("open %q, direct %v: %s", path, direct, h.Object().ETag)
	t.files = append(t.files, opened{h, path})
	if direct {
		return t.Judge.Revalidated(path, h.Object(), said)
	}
	return t.answered(path, Node{Kind: File, Object: h.Object()}, nil, said)
}
