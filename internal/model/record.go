package model

import (
	"maps"
	"time"
)

// Record remembers every state of a bucket.
type Record struct {
	rules  Rules
	states []*state
}

// When is the time of a change: some moment of [Earliest, Latest].
type When struct {
	Earliest, Latest time.Time
	// Quiet: no question was under way meanwhile, so that none can have seen some of the
	// bucket before the change and some after.
	Quiet bool
}

// state is what a bucket held from some moment of a change on.
type state struct {
	When
	keys Keys
	tree *Tree // nil until it is asked for
}

// NewRecord returns the record of a bucket that is empty at begin.
func NewRecord(rules Rules, begin time.Time) *Record {
	return &Record{rules: rules, states: []*state{{When: When{Earliest: begin, Latest: begin}, keys: Keys{}}}}
}

// Put says that key got an object.
func (r *Record) Put(key string, o Object, when When) {
	r.change(when, func(keys Keys) { keys[key] = o })
}

// Delete says that key was deleted.
func (r *Record) Delete(key string, when When) {
	r.change(when, func(keys Keys) { delete(keys, key) })
}

func (r *Record) change(when When, do func(Keys)) {
	keys := maps.Clone(r.Now())
	do(keys)
	r.states = append(r.states, &state{When: when, keys: keys})
}

// Now returns what the bucket holds.
func (r *Record) Now() Keys { return r.states[len(r.states)-1].keys }

// Tree returns what it shows.
func (r *Record) Tree() *Tree { return r.shown(r.states[len(r.states)-1]) }

// Begin is when the record begins.
func (r *Record) Begin() time.Time { return r.states[0].Earliest }

func (r *Record) shown(s *state) *Tree {
	if s.tree == nil {
		s.tree = r.rules.Show(s.keys)
	}
	return s.tree
}

// during returns the states that may have been at some moment of [from, to].
func (r *Record) during(from, to time.Time) []*state {
	first, end := 0, 0
	for i, s := range r.states {
		if !s.Latest.After(from) {
			first = i // it was this one by then, or a later one
		}
		if !s.Earliest.After(to) {
			end = i + 1
		}
	}
	return r.states[first:end]
}

// spans returns for each state that may have been in [from, to] all those that a
// question may have seen that met it first and took no longer than blur.
func (r *Record) spans(from, to time.Time, blur time.Duration) [][]*state {
	states := r.during(from, to)
	var spans [][]*state
	for i := range states {
		n := i + 1
		if n < len(states) {
			// It began before the next one came, at the latest.
			for end := states[n].Latest.Add(blur); n < len(states) && !states[n].Quiet && !states[n].Earliest.After(end); {
				n++
			}
		}
		spans = append(spans, states[i:n])
	}
	return spans
}

// Holds reports whether the object that path stands for had that ETag at some moment of
// [from, to], shadowed by a directory or not, and whether it had not at another.
func (r *Record) Holds(path, etag string, from, to time.Time) (did, didNot bool) {
	for _, s := range r.during(from, to) {
		if o, ok := r.shown(s).Files[path]; ok && o.ETag == etag {
			did = true
		} else {
			didNot = true
		}
	}
	return did, didNot
}
