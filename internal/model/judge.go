package model

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Judge says which answers are right. Times are those of the record; a negative time
// to live is for ever.
type Judge struct {
	*Record
	TTL, NegativeTTL time.Duration
	// Blur is the longest that one question may take, such as a listing of many
	// pages: what it saw of "a" and of "a/" may be that much apart.
	Blur time.Duration
	// Offline: while S3 is away, what was once said may be said again, however old.
	Offline bool
	// Recovery is how long after an outage the subject may take to see that it is over.
	Recovery time.Duration
	// RootKeeps: refreshing all does not tell the kernel to forget which names the root
	// does not have.
	RootKeeps bool

	refreshed map[string]time.Time // paths, with all below them
	forgotten map[string]time.Time // paths by themselves
	// revalidated are the paths whose objects were asked for, by themselves.
	revalidated map[string]time.Time
	outages     []outage
}

// offlineFresh is how long an answer from before an outage may be believed.
const offlineFresh = time.Second

// outage is a time for which S3 was away: until is zero while it lasts.
type outage struct{ from, until time.Time }

// Said is an answer.
type Said struct {
	Asked, Answered time.Time
	// Fresh is how much longer the answer says that it may be believed; 0 where it
	// does not say.
	Fresh time.Duration
}

// Refresh says that a path and all below it was refreshed: nothing older holds.
func (j *Judge) Refresh(path string, at time.Time) { put(&j.refreshed, path, at) }

// Forget says that the path's version was found to be another.
func (j *Judge) Forget(path string, at time.Time) { put(&j.forgotten, path, at) }

func put(m *map[string]time.Time, path string, at time.Time) {
	if *m == nil {
		*m = map[string]time.Time{}
	}
	(*m)[path] = at
}

// Away says that S3 could not be reached from some moment on.
func (j *Judge) Away(at time.Time) { j.outages = append(j.outages, outage{from: at}) }

// Back says that it could again.
func (j *Judge) Back(at time.Time) {
	if n := len(j.outages); n > 0 && j.outages[n-1].until.IsZero() {
		j.outages[n-1].until = at
	}
}

// WasAway reports whether S3 was away at some moment of [from, to].
func (j *Judge) WasAway(from, to time.Time) bool {
	return slices.ContainsFunc(j.outages, func(o outage) bool {
		return !o.from.After(to) && (o.until.IsZero() || !o.until.Add(j.Recovery).Before(from))
	})
}

// since returns the earliest moment whose truth may still be told of path.
func (j *Judge) since(path string, is Kind, said Said, ttl time.Duration) time.Time {
	from := said.Asked.Add(-ttl)
	switch {
	case ttl < 0 || j.Offline && j.WasAway(said.Asked.Add(-offlineFresh), said.Answered):
		from = j.Begin()
	case said.Fresh > ttl: // it never was otherwise
		from = said.Asked
	case said.Fresh > 0:
		from = said.Answered.Add(said.Fresh - ttl)
	}
	for at := path; ; at = Parent(at) {
		if at == "" && j.RootKeeps && is == Absent && path != "" && Parent(path) == "" {
			break
		}
		from = said.mark(from, j.refreshed[at])
		if at == "" {
			break
		}
	}
	return said.mark(from, j.forgotten[path])
}

// mark returns the later of from and a moment from before which nothing holds; that of
// a refresh after the question began does not count.
func (s Said) mark(from, at time.Time) time.Time {
	if at.After(from) && at.Before(s.Asked) {
		return at
	}
	return from
}

// Looked judges the answer to a lookup of path.
func (j *Judge) Looked(path string, is Node, said Said) error {
	ttl := j.TTL
	if is.Kind == Absent {
		ttl = j.NegativeTTL
	}
	if at, ok := j.revalidated[path]; ok && is.Kind == File && is.Object.ETag != "" {
		if did, _ := j.Holds(path, is.Object.ETag, at, said.Answered); !did {
			return fmt.Errorf("%q is said to be %s, though it was found to be another", path, is.Object.ETag)
		}
	}
	from := j.since(path, is.Kind, said, ttl)
	for _, span := range j.spans(from, said.Answered, j.Blur) {
		if j.may(path, is, span) {
			return nil
		}
	}
	return fmt.Errorf("%q is said to be %v %s: it was %s", path, is.Kind, is.Object.ETag, j.tell(path, from, said.Answered))
}

// may reports whether a question that saw these states may say that path is so. One
// for "a" and one for "a/" are two questions.
func (j *Judge) may(path string, is Node, span []*state) bool {
	var wasDir, wasNone, wasFile bool
	for _, s := range span {
		t := j.shown(s)
		o, file := t.Files[path]
		wasDir = wasDir || t.Dirs[path]
		wasNone = wasNone || !t.Dirs[path]
		switch is.Kind {
		case File:
			wasFile = wasFile || file && (is.Object.Size < 0 || o.Size == is.Object.Size) && (o.ETag == is.Object.ETag || is.Object.ETag == "")
		case Absent:
			wasFile = wasFile || !file
		}
	}
	if is.Kind == Dir {
		return wasDir
	}
	if beside, ok := strings.CutSuffix(path, shadowed); ok && is.Kind == File && j.rules.Escape {
		// The directory that shadows it is another question.
		return wasFile || j.may(beside, Node{Kind: Dir}, span) && slices.ContainsFunc(span, func(s *state) bool {
			return j.shown(s).Files[beside].ETag == is.Object.ETag
		})
	}
	return wasNone && wasFile
}

// Name is a line of a listing.
type Name struct {
	Name string
	Node Node
}

// Listed judges a listing of a directory: its names, in their order.
func (j *Judge) Listed(dir string, names []Name, hidden *Hidden, said Said) error {
	listed := map[string]Node{}
	for i, n := range names {
		switch {
		case n.Name == "" || strings.Contains(n.Name, "/"):
			return fmt.Errorf("%q has an impossible name %q", dir, n.Name)
		case i > 0 && names[i-1].Name >= n.Name:
			return fmt.Errorf("%q lists %q before %q", dir, names[i-1].Name, n.Name)
		}
		listed[n.Name] = n.Node
	}
	from := j.since(dir, Dir, said, j.TTL)
	for _, marks := range []map[string]time.Time{j.refreshed, j.forgotten} {
		for path, at := range marks {
			if path != "" && Parent(path) == dir {
				from = said.mark(from, at)
			}
		}
	}
	for _, span := range j.spans(from, said.Answered, j.Blur) {
		if j.shows(dir, listed, hidden, span) {
			return nil
		}
	}
	all := map[string]bool{}
	for _, s := range j.during(from, said.Answered) {
		for name := range j.shown(s).Names(dir) {
			all[name] = true
		}
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "\n\t%q was %s", name, j.tell(Join(dir, name), from, said.Answered))
	}
	return fmt.Errorf("%q lists %v, hides %v; since %v%s", dir, names, hidden, from.Sub(j.Begin()), b.String())
}

// shows reports whether a listing that saw these states may be this one.
func (j *Judge) shows(dir string, listed map[string]Node, hidden *Hidden, span []*state) bool {
	if t := j.shown(span[0]); len(span) == 1 && (!t.Dirs[dir] && len(listed) > 0 || hidden != nil && *hidden != t.Hidden[dir]) {
		return false
	}
	for name, node := range listed {
		if !j.may(Join(dir, name), node, span) {
			return false
		}
	}
	for _, s := range span {
		for name := range j.shown(s).Names(dir) {
			if _, ok := listed[name]; !ok && !j.may(Join(dir, name), Node{}, span) {
				return false
			}
		}
	}
	return true
}

// Failed judges an answer that is an error: S3 must have been away meanwhile.
func (j *Judge) Failed(path string, err error, said Said) error {
	if j.WasAway(said.Asked, said.Answered) {
		return nil
	}
	return fmt.Errorf("%q failed though S3 was there: %w", path, err)
}

// tell says what path was.
func (j *Judge) tell(path string, from, to time.Time) string {
	var b strings.Builder
	for _, s := range j.during(from, to) {
		n := j.shown(s).At(path)
		fmt.Fprintf(&b, "%v %s from %v; ", n.Kind, n.Object.ETag, s.Earliest.Sub(j.Begin()))
	}
	return b.String()
}
