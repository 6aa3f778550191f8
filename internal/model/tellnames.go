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
		d   = openedDir{path: path}
		err error
	)
	said := t.ask(func() {
		d.asked = time.Now()
		if d.Directory, err = t.Subject.Opendir(path); err != nil || whole {
			return
		}
		if d.names, _, _, err = d.Read(0, 1); err != nil {
			d.Close()
		}
	})
	switch {
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
