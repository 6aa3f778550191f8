package model

import (
	"errors"
	"io/fs"
	"math"
	"slices"
	"time"
)

// maxDepth is how deep a walk goes.
const maxDepth = 6

// list reads a directory, whole or the beginning of it.
func (t *Teller) list(path string, whole bool) error {
	var (
		d   openedDir
		err error
	)
	said := t.ask(func() {
		d = openedDir{path: path, asked: time.Now()}
		if d.Directory, err = t.Subject.Opendir(path); err != nil || whole {
			return
		}
		d.names, _, _, err = d.Read(0, 1)
	})
	switch {
	case err != nil && d.Directory != nil:
		d.Close()
		fallthrough
	case err != nil:
		return t.noDirectory(path, err, said)
	case whole:
		_, err := t.rest(d)
		return err
	}
	t.note("opendir %q, first of it %v, asked %v ago", path, d.names, time.Since(d.asked))
	t.dirs = append(t.dirs, d)
	return nil
}

// readdir reads the rest of a directory that was begun.
func (t *Teller) readdir(pick int) error {
	if len(t.dirs) == 0 {
		return nil
	}
	d := t.dirs[pick%len(t.dirs)]
	t.dirs = slices.Delete(t.dirs, pick%len(t.dirs), pick%len(t.dirs)+1)
	_, err := t.rest(d)
	return err
}

// rest reads the rest of d, closes and judges it.
func (t *Teller) rest(d openedDir) ([]Name, error) {
	defer d.Close()
	var (
		more   []Name
		hidden *Hidden
		fresh  time.Duration
		err    error
	)
	said := t.ask(func() { more, hidden, fresh, err = d.Read(len(d.names), math.MaxInt) })
	said.Asked, said.Fresh = d.asked, fresh
	if err != nil {
		return nil, t.noDirectory(d.path, err, said)
	}
	names := append(slices.Clone(d.names), more...)
	t.note("%q holds %v, good for %v, asked %v ago", d.path, names, fresh, time.Since(d.asked))
	t.Counts.Answers++
	if t.Judge.WasAway(said.Answered, said.Answered) {
		t.Counts.Offline++
	}
	return names, t.Judge.Listed(d.path, names, hidden, said)
}

// noDirectory judges the error of a listing.
func (t *Teller) noDirectory(path string, err error, said Said) error {
	t.note("list %q: %v", path, err)
	switch {
	case errors.Is(err, ErrNotDir), errors.Is(err, fs.ErrNotExist):
		t.Counts.Answers++
		if errors.Is(err, ErrNotDir) && t.Judge.BelowFile(path, said) == nil {
			return nil
		}
		return t.Judge.NoDirectory(path, said)
	}
	t.Counts.Failed++
	return t.Judge.Failed(path, err, said)
}

// walk lists a directory and those below it.
func (t *Teller) walk(path string, depth int) error {
	asked := time.Now()
	d, err := t.Subject.Opendir(path)
	if err != nil {
		return t.noDirectory(path, err, Said{Asked: asked, Answered: time.Now()})
	}
	names, err := t.rest(openedDir{Directory: d, path: path, asked: asked})
	if err != nil {
		return err
	}
	for _, n := range names {
		if n.Node.Kind == Dir && depth < maxDepth {
			if err := t.walk(Join(path, n.Name), depth+1); err != nil {
				return err
			}
		}
	}
	return nil
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
