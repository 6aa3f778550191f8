package catalog

import (
	"iter"
	"slices"
	"sort"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
)

// Listing is a directory at one moment, sorted by the bytes of the names. It is
// immutable and may be kept for as long as its holder likes; a node is made each
// time it is asked for.
type Listing struct {
	Hidden Hidden
	// Marker is the key that ends in "/" and stands for the directory itself;
	// its Key is empty where there is none.
	Marker s3backend.Object

	names escaping
	below string // what the keys start with before the name
	runs  []run
	ends  []int // number of nodes up to the end of each run

	sum   uint64
	found bool // anything lies below the directory, hidden keys included
	asked time.Time
	ttl   time.Duration
	// recalled: the ledger gave it, and has it.
	recalled bool
}

// Hidden counts the keys that have no name in a directory (rule 7). A hidden
// component with many keys below it counts once.
type Hidden struct {
	Unrepresentable, Shadowed, MarkerContent, TooLong int
}

// Total returns the sum of the counts.
func (h Hidden) Total() int {
	return h.Unrepresentable + h.Shadowed + h.MarkerContent + h.TooLong
}

// Len returns the number of nodes.
func (l *Listing) Len() int {
	if len(l.ends) == 0 {
		return 0
	}
	return l.ends[len(l.ends)-1]
}

// At returns the i-th node, of 0 to Len()-1. Its Fresh is 0: see Find.
func (l *Listing) At(i int) Node {
	u := l.from(i)
	return u.node()
}

// from returns an unpacker whose next node is the i-th, which exists.
func (l *Listing) from(i int) unpacker {
	r := sort.SearchInts(l.ends, i+1)
	if r > 0 {
		i -= l.ends[r-1]
	}
	return l.runs[r].from(i, l.below, l.names)
}

// From yields the nodes from the i-th on with their indexes.
func (l *Listing) From(i int) iter.Seq2[int, Node] {
	return func(yield func(int, Node) bool) {
		for i < l.Len() {
			u := l.from(i)
			for u.next < u.run.n {
				if !yield(i, u.node()) {
					return
				}
				i++
			}
		}
	}
}

// Search returns the index of the first node whose name is not below name, which
// may be Len().
func (l *Listing) Search(name string) int {
	// The run that holds it is the last that begins with it or before it.
	r := sort.Search(len(l.runs), func(i int) bool { return string(l.runs[i].wholeName(0)) > name })
	if r == 0 {
		return 0
	}
	r--
	return l.ends[r] - l.runs[r].n + l.runs[r].search(name)
}

// Find returns the node called name. Of an archived object nothing is Fresh: a
// listing does not say whether it is restored.
func (l *Listing) Find(name string) (Node, bool) {
	i, ok := l.Place(name)
	if !ok {
		return Node{}, false
	}
	return l.fresh(l.At(i)), true
}

// Place returns the index of the node called name.
func (l *Listing) Place(name string) (place int, ok bool) {
	i := l.Search(name)
	return i, i < l.Len() && l.At(i).Name == name
}

// File returns the object at an index; false for a directory, and for an archived
// object, of which a listing does not say whether it can be read.
func (l *Listing) File(place int) (s3backend.Object, bool) {
	n := l.At(place)
	return n.Object, !n.Dir && !n.Object.Archived()
}

// fresh stamps a node of the listing with what is left of its time.
func (l *Listing) fresh(n Node) Node {
	if !n.Object.Archived() {
		n.Fresh = l.Fresh()
	}
	return n
}

// Fresh returns how much longer the listing may be believed; 0 when no longer.
func (l *Listing) Fresh() time.Duration { return remaining(l.asked, l.ttl) }

// Asked returns when the bucket was asked. What is known of a listing under way has
// the same as all of it, and the same nodes at the same places.
func (l *Listing) Asked() time.Time { return l.asked }

// Sum is equal for listings with the same names in the same versions, and
// otherwise differs. It compares within one Catalog only.
func (l *Listing) Sum() uint64 { return l.sum }

// bytes is about what the listing takes of memory.
func (l *Listing) bytes() int64 {
	n := int64(listingCost + len(l.below) + len(l.Marker.Key) + len(l.Marker.ETag))
	for i := range l.runs {
		n += l.runs[i].bytes()
	}
	return n
}

// listingCost is the size of a Listing without its nodes.
const listingCost = 300

// add puts a run behind the others.
func (l *Listing) add(r run) {
	l.ends = append(l.ends, l.Len()+r.n)
	l.runs = append(l.runs, r)
}

// view returns the listing as it is now, which later runs do not change.
func (l *Listing) view() *Listing {
	v := *l
	v.runs, v.ends = slices.Clip(l.runs), slices.Clip(l.ends)
	return &v
}

// remaining returns how long an answer to a question asked then is still good.
func remaining(asked time.Time, ttl time.Duration) time.Duration {
	if ttl < 0 {
		return forEver
	}
	return max(ttl-time.Since(asked), 0)
}
