package catalog

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
)

// Listing is a directory at one moment, sorted by the bytes of the names. It is
// immutable and may be kept for as long as its holder likes.
type Listing struct {
	Nodes  []Node
	Hidden Hidden
	// Marker is the key that ends in "/" and stands for the directory itself;
	// its Key is empty where there is none.
	Marker s3backend.Object

	sum   uint64
	found bool // anything lies below the directory, hidden keys included
	asked time.Time
	ttl   time.Duration
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

// Find returns the node called name. Of an archived object nothing is Fresh: a
// listing does not say whether it is restored.
func (l *Listing) Find(name string) (Node, bool) {
	i, ok := l.Place(name)
	if !ok {
		return Node{}, false
	}
	n := l.Nodes[i]
	if !n.Object.Archived() {
		n.Fresh = l.Fresh()
	}
	return n, true
}

// Place returns where the node called name stands in Nodes.
func (l *Listing) Place(name string) (place int, ok bool) {
	return slices.BinarySearchFunc(l.Nodes, name, func(n Node, name string) int {
		return strings.Compare(n.Name, name)
	})
}

// Len returns the number of nodes.
func (l *Listing) Len() int { return len(l.Nodes) }

// File returns the object at a place in Nodes; false for a directory, and for an
// archived object, of which a listing does not say whether it can be read.
func (l *Listing) File(place int) (s3backend.Object, bool) {
	n := &l.Nodes[place]
	return n.Object, !n.Dir && !n.Object.Archived()
}

// Fresh returns how much longer the listing may be believed; 0 when no longer.
func (l *Listing) Fresh() time.Duration { return remaining(l.asked, l.ttl) }

// Sum is equal for listings with the same names in the same versions, and
// otherwise differs. It compares within one Catalog only.
func (l *Listing) Sum() uint64 { return l.sum }

// rules are what the mapping of one directory depends on.
type rules struct {
	nameMax           int
	hideFolderMarkers bool
	// root says that the prefix's own key is out of scope.
	root bool
}

// mapping turns the entries of one level into a Listing: the whole of rules 1 to 9
// and 12, without I/O, clock or goroutine.
type mapping struct {
	rules
	prefix string
	out    Listing
}

// add takes one entry in whatever order the server has.
func (m *mapping) add(e s3backend.Entry) error {
	rest, ok := strings.CutPrefix(e.Object.Key, m.prefix)
	if !ok {
		return &s3backend.OpError{Op: "list", Key: e.Object.Key, Err: s3backend.ErrBadAnswer}
	}
	m.out.found = true
	if rest == "" {
		m.out.Marker = e.Object
		if e.Object.Size > 0 && !m.root {
			m.out.Hidden.MarkerContent++
		}
		return nil
	}
	// A server that ignores the delimiter sends the keys below: each proves a
	// directory all the same.
	name, _, dir := strings.Cut(rest, "/")
	switch classify(name, m.nameMax) {
	case unrepresentable:
		m.out.Hidden.Unrepresentable++
		return nil
	case tooLong:
		m.out.Hidden.TooLong++
		return nil
	}
	if dir {
		m.out.Nodes = append(m.out.Nodes, Node{Name: name, Dir: true})
		return nil
	}
	if m.hideFolderMarkers && folderMarker(name, e.Object.Size) {
		return nil
	}
	m.out.Nodes = append(m.out.Nodes, Node{Name: name, Object: e.Object, ModTime: e.Object.ModTime})
	return nil
}

// finish sorts by name, the directory first among equals, and drops what it
// shadows and what the server said twice.
func (m *mapping) finish(seed maphash.Seed) *Listing {
	slices.SortStableFunc(m.out.Nodes, func(a, b Node) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return cmp.Compare(kindOrder(a), kindOrder(b))
	})
	kept := m.out.Nodes[:0]
	shadowed := ""
	for _, n := range m.out.Nodes {
		if len(kept) == 0 || kept[len(kept)-1].Name != n.Name {
			kept = append(kept, n)
			continue
		}
		if kept[len(kept)-1].Dir && !n.Dir && shadowed != n.Name {
			m.out.Hidden.Shadowed++
			shadowed = n.Name
		}
	}
	clear(m.out.Nodes[len(kept):])
	m.out.Nodes = slices.Clip(kept)
	m.out.sum = m.checksum(seed)
	return &m.out
}

func kindOrder(n Node) int {
	if n.Dir {
		return 0
	}
	return 1
}

func (m *mapping) checksum(seed maphash.Seed) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, n := range m.out.Nodes {
		h.WriteString(n.Name)
		h.WriteByte(0)
		h.WriteString(n.Object.ETag)
		h.WriteByte(byte(kindOrder(n)))
	}
	return h.Sum64()
}

// remaining returns how long an answer to a question asked then is still good.
func remaining(asked time.Time, ttl time.Duration) time.Duration {
	if ttl < 0 {
		return forEver
	}
	return max(ttl-time.Since(asked), 0)
}
