package catalog

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"

	"github.com/zs3fs/zs3fs/s3backend"
)

// mapping turns the entries of one level into a Listing while they come: the whole
// of rules 1 to 9 and 12, without I/O, clock or goroutine.
//
// The bucket's order is that of keys, in which the directory a stands where "a/"
// sorts: behind the files a, a-b and a.b, of which the first has no name if there
// is such a directory, and which it stands before in the listing. So names are
// held back while a directory may still come that sorts before them. Names that are
// escaped sort elsewhere than their keys, and are held back until their place comes.
type mapping struct {
	rules
	prefix string
	// whole holds everything back: the bucket is known to list without order.
	whole bool
	out   Listing

	held []Node
	// late is how many of them were held back when the others were shown, in escape
	// mode: half of a directory may wait for its end, and is not sorted with each page.
	late int
	// stuck is the doubt that holds all of held back; empty is none.
	stuck string
	last  string // the latest key
	dir   string // the latest name with a slash behind it
	sum   sum
	// settled are the directories that were asked for by themselves.
	settled map[string]bool
	// unordered: a key came that sorts before the one before it.
	unordered bool
}

func newMapping(prefix string, r rules, seed maphash.Seed) *mapping {
	m := &mapping{rules: r, prefix: prefix}
	m.out.below, m.out.names = prefix, r.names
	m.sum.SetSeed(seed)
	return m
}

// add takes the next entry.
func (m *mapping) add(e s3backend.Entry) error {
	rest, ok := strings.CutPrefix(e.Object.Key, m.prefix)
	if !ok {
		return &s3backend.OpError{Op: "list", Key: e.Object.Key, Err: s3backend.ErrBadAnswer}
	}
	switch {
	case e.Object.Key < m.last:
		m.unordered = true
		if m.out.Len() > 0 {
			return &s3backend.OpError{Op: "list", Key: e.Object.Key, Err: s3backend.ErrBadAnswer}
		}
	case e.Object.Key == m.last && m.out.found && !m.unordered:
		return nil
	}
	m.out.found, m.last = true, e.Object.Key
	if rest == "" {
		m.out.Marker = e.Object
		if e.Object.Size > 0 && !m.root {
			m.addContent()
		}
		return nil
	}
	// Where the delimiter is ignored, or none was asked for, each of the keys
	// below proves a directory.
	component, _, dir := strings.Cut(rest, "/")
	if dir {
		slashed := rest[:len(component)+1]
		if slashed == m.dir {
			return nil
		}
		m.dir = slashed
	}
	name, kind := m.names.classify(component, m.nameMax)
	switch kind {
	case unrepresentable:
		m.out.Hidden.Unrepresentable++
		return nil
	case tooLong:
		m.out.Hidden.TooLong++
		return nil
	}
	if _, known := m.settled[component]; dir && known {
		return nil
	}
	if dir {
		m.held = append(m.held, Node{Name: name, Dir: true})
		return nil
	}
	if m.hideFolderMarkers && folderMarker(component, e.Object.Size) {
		return nil
	}
	m.held = append(m.held, Node{Name: name, Object: e.Object, ModTime: e.Object.ModTime})
	return nil
}

// addContent takes the marker's content, which is no directory's.
func (m *mapping) addContent() {
	switch {
	case !bool(m.names):
		m.out.Hidden.MarkerContent++
	case len(markerName) > m.nameMax:
		m.out.Hidden.TooLong++
	default:
		m.held = append(m.held, Node{Name: markerName, Object: m.out.Marker, ModTime: m.out.Marker.ModTime})
	}
}

// addAll takes the entries of a page.
func (m *mapping) addAll(page []s3backend.Entry) error {
	for _, e := range page {
		if err := m.add(e); err != nil {
			return err
		}
	}
	return nil
}

// settle takes the answer to whether the directory in doubt exists.
func (m *mapping) settle(dir string, exists bool) {
	if m.settled == nil {
		m.settled = make(map[string]bool)
	}
	m.settled[dir] = exists
	if exists {
		name, _ := m.names.name(dir)
		m.held = append(m.held, Node{Name: name, Dir: true})
	}
}

// smallRun is what is worth being made a run before the end.
const smallRun = 256

// ripen moves the nodes that are sure to out; all of them at the end. It reports
// whether there were any.
func (m *mapping) ripen(end bool) bool {
	doubt, _ := m.doubt()
	switch {
	case end:
		doubt = ""
	case m.whole, m.unordered, len(m.held) < smallRun+m.late*3/2 && m.out.Len() > 0, doubt != "" && doubt == m.stuck:
		// Nothing that came since the same doubt last sorts before it.
		return false
	}
	m.sort()
	if bool(m.names) && m.callShadowed() {
		m.sort()
	}
	ripe := len(m.held)
	if doubt != "" {
		ripe, _ = slices.BinarySearchFunc(m.held, doubt, func(n Node, name string) int {
			return strings.Compare(n.Name, name)
		})
	}
	m.stuck = doubt
	if m.names {
		m.late = len(m.held) - ripe
	}
	if ripe == 0 {
		return false
	}
	m.publish(m.held[:ripe])
	rest := copy(m.held, m.held[ripe:])
	clear(m.held[rest:])
	m.held = m.held[:rest]
	return true
}

// sort has the directory first among equals.
func (m *mapping) sort() {
	slices.SortStableFunc(m.held, func(a, b Node) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return cmp.Compare(kindOrder(a), kindOrder(b))
	})
}

// callShadowed gives names to the objects among the sorted nodes that have a
// directory beside them, and reports whether there were any.
func (m *mapping) callShadowed() (found bool) {
	dir, tooLong := "", ""
	kept := m.held[:0]
	for _, n := range m.held {
		switch {
		case n.Dir:
			dir = n.Name
		case n.Name != dir:
		case len(n.Name+shadowMark) <= m.nameMax:
			n.Name += shadowMark
			found = true
		case n.Name == tooLong:
			continue // the server said it twice
		default:
			tooLong = n.Name
			m.out.Hidden.TooLong++
			continue
		}
		kept = append(kept, n)
	}
	clear(m.held[len(kept):])
	m.held = kept
	return found
}

// publish appends sorted nodes to out, without what directories shadow and what
// the server said twice.
func (m *mapping) publish(nodes []Node) {
	var p packer
	shadowed := ""
	for i, n := range nodes {
		if i > 0 && nodes[i-1].Name == n.Name {
			if !n.Dir && m.dirs(nodes[:i], n.Name) && shadowed != n.Name {
				m.out.Hidden.Shadowed++
				shadowed = n.Name
			}
			continue
		}
		if p.n == maxRun {
			m.out.add(p.packed())
			p = packer{}
		}
		p.add(n)
		m.sum.add(n)
	}
	m.out.add(p.packed())
}

// dirs reports whether the first of the last nodes called name is a directory.
func (m *mapping) dirs(nodes []Node, name string) bool {
	i := len(nodes) - 1
	for i > 0 && nodes[i-1].Name == name {
		i--
	}
	return nodes[i].Dir
}

// maxRun is the most nodes in a run: a page's worth.
const maxRun = 1024

// finish returns the listing after the last entry: a copy, or it would hold the
// mapping with the nodes in it for as long as it is kept, ten times its own size.
func (m *mapping) finish() *Listing {
	m.ripen(true)
	m.out.sum = m.sum.Sum64()
	l := m.out
	return &l
}
