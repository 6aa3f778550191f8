package model

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// Teller tells a history to a subject, and judges it.
type Teller struct {
	Judge   *Judge
	Bucket  Bucket
	Subject Subject
	// Forgets: from a read that has failed with ErrStale on the name is looked up anew.
	Forgets bool
	// Versions: the bucket keeps them all, so that no read fails with ErrStale.
	Versions bool
	// Background: questions may be under way at any time.
	Background bool
	Counts     Counts
	// Log tells what happened, a line each.
	Log []string

	versions uint32
	byETag   map[string]uint32
	seen     map[string]bool // paths that were ever shown, and some that are asked for before
	recent   []string        // the latest that were changed
	files    []opened
	dirs     []openedDir
	pending  func() // a change that is to come while the next question is under way
}

// openedDir is an open directory, of which the first names were read.
type openedDir struct {
	Directory
	path  string
	asked time.Time
	names []Name
}

// Seed of the coded bytes of all objects.
const Seed = 7

// Tell tells the steps to a subject that knows nothing yet of a bucket that is empty, and
// returns the first answer that is wrong.
func (t *Teller) Tell(steps []Step) error {
	t.byETag, t.recent = map[string]uint32{}, []string{""}
	t.seen = map[string]bool{"": true, "a": true, "a/a": true, "-": true, "b/none": true}
	defer t.closeAll()
	for i, s := range steps {
		// Never at the moment of another, so that a refresh is before or after a question.
		<-time.After(s.For + 1)
		if err := t.step(s); err != nil {
			return fmt.Errorf("step %d: %w\n%s", i, err, strings.Join(t.Log, "\n"))
		}
	}
	return nil
}

// note logs what happens.
func (t *Teller) note(format string, args ...any) {
	t.Log = append(t.Log, fmt.Sprintf("%v: %s", time.Since(t.Judge.Begin()), fmt.Sprintf(format, args...)))
}

func (t *Teller) step(s Step) error {
	switch s.Op {
	case Put:
		t.put(s.Key, s.Size, true)
	case Again, Overwrite, Delete, Meanwhile, MeanwhileD:
		t.changeOne(s)
	case List, Opendir:
		return t.list(t.path(s.Pick), s.Op == List)
	case Readdir:
		return t.readdir(s.Pick)
	case Walk:
		return t.walk("", 0)
	case Lookup:
		return t.lookup(t.path(s.Pick))
	case Open, Direct:
		return t.open(t.path(s.Pick), s.Op == Direct)
	case Read:
		return t.read(s)
	case Close:
		if n := len(t.files); n > 0 {
			t.note("close %q", t.files[s.Pick%n].path)
			t.files[s.Pick%n].Close()
			t.files = slices.Delete(t.files, s.Pick%n, s.Pick%n+1)
		}
	case Refresh:
		at, path := time.Now(), t.path(s.Pick)
		t.note("refresh %q", path)
		if err := t.Subject.Refresh(path); err != nil {
			return err
		}
		t.Judge.Refresh(path, at)
	case Remount:
		t.note("remount")
		t.closeAll()
		return t.Subject.Remount()
	case GoAway:
		t.note("S3 goes away")
		t.Judge.Away(time.Now())
		t.Bucket.Reachable(false)
	case ComeBack:
		t.note("S3 is back")
		t.Bucket.Reachable(true)
		t.Judge.Back(time.Now())
	}
	return nil
}

func (t *Teller) closeAll() {
	for _, f := range t.files {
		f.Close()
	}
	for _, d := range t.dirs {
		d.Close()
	}
	t.files, t.dirs = nil, nil
}

// ask does what asks a question, beside a change that waits for one.
func (t *Teller) ask(do func()) Said {
	var beside sync.WaitGroup
	if change := t.pending; change != nil {
		t.pending = nil
		beside.Go(change)
	}
	said := Said{Asked: time.Now()}
	do()
	said.Answered = time.Now()
	beside.Wait()
	return said
}

// pickRecent: three of five picks, which are below 256, are among what was changed lately,
// where a subject that keeps answers can go wrong.
const pickRecent = 100

// path is one of those that were ever shown, or beside or below one.
func (t *Teller) path(pick int) string {
	if pick > pickRecent {
		return t.recent[pick%len(t.recent)]
	}
	paths := slices.Sorted(maps.Keys(t.seen))
	path := paths[pick%len(paths)]
	switch {
	case pick%11 == 10:
		return Join(path, "a")
	case pick%13 == 12 && path != "":
		return path + "a"
	}
	return path
}

// answered counts an answer and judges it.
func (t *Teller) answered(path string, is Node, err error, said Said) error {
	switch {
	case errors.Is(err, ErrNotDir):
		return t.Judge.BelowFile(path, said)
	case errors.Is(err, fs.ErrNotExist):
		is = Node{}
	case err != nil:
		t.note("%q: %v", path, err)
		t.Counts.Failed++
		return t.Judge.Failed(path, err, said)
	}
	t.note("%q is %v %s, good for %v, asked %v ago", path, is.Kind, is.Object.ETag, said.Fresh, time.Since(said.Asked))
	t.Counts.Answers++
	if now := t.Judge.Tree().At(path); now.Kind != is.Kind || is.Object.ETag != "" && now.Object.ETag != is.Object.ETag {
		t.Counts.Older++
	}
	if t.Judge.WasAway(said.Asked, said.Asked) {
		t.Counts.Offline++
	}
	return t.Judge.Looked(path, is, said)
}

func (t *Teller) lookup(path string) error {
	var (
		is    Node
		fresh time.Duration
		err   error
	)
	said := t.ask(func() { is, fresh, err = t.Subject.Lookup(path) })
	said.Fresh = fresh
	return t.answered(path, is, err, said)
}

// read reads of an open file: bytes of its version, whatever became of it, or
// ErrStale once it is gone.
func (t *Teller) read(s Step) error {
	if len(t.files) == 0 {
		return nil
	}
	f := t.files[s.Pick%len(t.files)]
	o := f.Object()
	o.Version = t.byETag[o.ETag]
	p := make([]byte, 1+s.Size)
	var (
		n   int
		err error
	)
	said := t.ask(func() { n, err = f.Read(p, s.Off) })
	t.note("%d bytes at %d of version %d of %q, %v", n, s.Off, o.Version, f.path, err)
	was, wasNot := t.Judge.Holds(f.path, o.ETag, said.Asked, said.Answered)
	switch {
	case errors.Is(err, ErrStale):
		t.Counts.Stale++
		if t.Forgets {
			t.Judge.Forget(f.path, said.Answered)
		}
		if !wasNot || t.Versions {
			return fmt.Errorf("%q is stale at version %d, which is there", f.path, o.Version)
		}
		return nil
	case err != nil:
		t.Counts.Failed++
		return t.Judge.Failed(f.path, err, said)
	case int64(n) != min(int64(len(p)), max(o.Size-s.Off, 0)):
		return fmt.Errorf("%q: %d bytes at %d of %d, asked for %d", f.path, n, s.Off, o.Size, len(p))
	}
	t.Counts.Reads++
	if !was {
		t.Counts.Old++
	}
	return s3test.CheckCoded(p[:n], s.Off, Seed, o.Version)
}
