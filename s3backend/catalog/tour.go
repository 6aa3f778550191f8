package catalog

import (
	"slices"
	"strings"
)

// tours recognises programs that list directory after directory in order, as find,
// du, rsync and partition discovery do. It is a value without I/O, clock or
// goroutine, and knows paths only.
type tours struct {
	active []*tour // the latest to be listed in first
	// single are the latest directories listed that belong to no tour.
	single []string
}

// tour is one such walk: from its first directories on down, in the order of the
// names, each directory before what lies in it.
type tour struct {
	scope string // the directory below which everything is walked
	last  string // the directory that the walk has come to
	w     *walker
	// large: the directories are too large to be listed several in a page, and are
	// listed side by side instead.
	large    bool
	siblings siblings
}

const (
	maxTours  = 8
	maxSingle = 32
	// maxGap is how many directories may be left out or come late: several
	// threads list side by side, and some walks leave out a few.
	maxGap = 8
)

// listed takes note that dir is being listed, and returns its tour, nil if it
// belongs to none; widened is true for a new one, and when it has left its scope for
// a larger one. gap returns how many directories lie between two of one parent, in
// their order; it is negative where they are in the other.
func (ts *tours) listed(dir string, gap func(parent, from, to string) int) (t *tour, widened bool) {
	parent, name := split(dir)
	for i, t := range ts.active {
		// What lies in large directories may be small again.
		if !below(dir, t.scope) || t.large && parent != t.scope {
			continue
		}
		if !walkedBefore(dir, t.last) || near(dir, t.last, gap) {
			ts.touch(i)
			if walkedBefore(t.last, dir) {
				t.last = dir
			}
			return t, false
		}
	}
	for i, t := range ts.active {
		// The next sibling of the scope, or of a directory that the scope is in.
		if t.scope == "" || !below(t.scope, parent) {
			continue
		}
		done := strings.TrimPrefix(t.scope[len(parent):], "/")
		done, _, _ = strings.Cut(done, "/")
		if n := gap(parent, done, name); n >= 0 && n <= maxGap {
			ts.touch(i)
			t.scope, t.last = parent, dir
			return t, true
		}
	}
	if dir == "" {
		return nil, false
	}
	for i, h := range ts.single {
		hp, hn := split(h)
		if hp != parent || hn == name {
			continue
		}
		if n := gap(parent, hn, name); n >= 0 && n <= maxGap {
			ts.single = slices.Delete(ts.single, i, i+1)
			t := &tour{scope: parent, last: dir}
			ts.active = slices.Insert(ts.active, 0, t)
			return t, true
		}
	}
	ts.single = append(slices.DeleteFunc(ts.single, func(h string) bool { return h == dir }), dir)
	if len(ts.single) > maxSingle {
		ts.single = ts.single[1:]
	}
	return nil, false
}

// near reports whether dir, which the walk has passed, is one of those that may come
// late.
func near(dir, last string, gap func(parent, from, to string) int) bool {
	dp, dn := split(dir)
	lp, ln := split(last)
	if dp != lp {
		return false
	}
	n := gap(dp, dn, ln)
	return n >= 0 && n <= maxGap
}

// surplus takes out the tours that are too many.
func (ts *tours) surplus() []*tour {
	if len(ts.active) <= maxTours {
		return nil
	}
	old := slices.Clone(ts.active[maxTours:])
	ts.active = ts.active[:maxTours]
	return old
}

// touch makes the i-th tour the latest.
func (ts *tours) touch(i int) {
	t := ts.active[i]
	copy(ts.active[1:i+1], ts.active[:i])
	ts.active[0] = t
}

// below reports whether dir lies inside parent at any depth.
func below(dir, parent string) bool {
	if parent == "" {
		return dir != ""
	}
	return len(dir) > len(parent) && dir[len(parent)] == '/' && strings.HasPrefix(dir, parent)
}

// walkedBefore reports whether a walk comes to a before b: as keys, but that the
// slash is before all that a name may contain.
func walkedBefore(a, b string) bool {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return b[i] != '/' && (a[i] == '/' || a[i] < b[i])
		}
	}
	return len(a) < len(b)
}
