package catalog

import (
	"context"
	"hash/maphash"
	"iter"
	"slices"

	"github.com/zs3fs/zs3fs/s3backend"
)

// LoadAhead is how many names a listing is read ahead of its readers.
const LoadAhead = loadAhead

// Repack packs nodes, as all of a listing in one run, and reads them again.
func Repack(nodes []Node, below string) (*Listing, int64) {
	var p packer
	for _, n := range nodes {
		p.add(n)
	}
	l := &Listing{below: below}
	if p.n > 0 {
		l.add(p.packed())
	}
	return l, l.bytes()
}

// EscapedName returns what a component is called in escape mode.
func EscapedName(component string) string {
	name, _ := escaping(true).name(component)
	return name
}

// EscapedNames returns what there is in a directory in escape mode because of a
// component or, if it is empty, of the directory's own marker, and what each is.
func EscapedNames(component string) map[string]int {
	name := EscapedName(component)
	names := map[string]int{name: int(itself), name + shadowMark: int(shadowed)}
	if component == "" {
		names = map[string]int{name: int(itself), markerName: int(content)}
	}
	return names
}

// ParseEscaped is the inverse.
func ParseEscaped(name string) (component string, what int, ok bool) {
	component, meaning, ok := escaping(true).parse(name)
	return component, int(meaning), ok
}

// Doubts feeds entries in order to a mapping in escape mode, and returns the name that
// is in doubt after each; empty for none.
func Doubts(prefix string, entries []s3backend.Entry) (doubts []string, err error) {
	m := newMapping(prefix, rules{names: true, nameMax: maxKey}, maphash.MakeSeed())
	for _, e := range entries {
		if err := m.add(e); err != nil {
			return nil, err
		}
		doubt, _ := m.doubt()
		doubts = append(doubts, doubt)
	}
	return doubts, nil
}

// Mapped feeds entries, in the order given, to a mapping that shows what is ripe after
// each, and asks exists about a doubt after every ask-th. It returns the names that
// were shown after each entry, and the listing.
func Mapped(prefix string, escape bool, entries []s3backend.Entry, ask int, exists func(dir string) bool) (shown [][]string, l *Listing, err error) {
	m := newMapping(prefix, rules{names: escaping(escape), nameMax: maxKey}, maphash.MakeSeed())
	for i, e := range entries {
		if err := m.add(e); err != nil {
			return nil, nil, err
		}
		if ask > 0 && i%ask == 0 {
			if _, dir := m.doubt(); dir != "" {
				m.settle(dir, exists(dir))
			}
		}
		m.ripen(false)
		var names []string
		for _, n := range m.out.From(0) {
			names = append(names, n.Name)
		}
		shown = append(shown, names)
	}
	return shown, m.finish(), nil
}

// LevelPages lists one level: after large pages in parts, of pages each.
func (c *Catalog) LevelPages(ctx context.Context, prefix string, large, parts, pages int) iter.Seq2[[]s3backend.Entry, error] {
	return c.levelPages(ctx, prefix, abreast{large, parts, pages})
}

// After guesses the key about n keys behind key after a page of keys.
func After(prefix string, page []string, key string, n int) string {
	var s splitter
	var entries []s3backend.Entry
	for _, k := range page {
		entries = append(entries, s3backend.Entry{Object: s3backend.Object{Key: k}})
	}
	s.saw(entries, prefix)
	return s.after(key, n)
}

// Counted returns a listing of entries, and the bytes that it is taken to hold.
func Counted(prefix string, entries []s3backend.Entry) (*Listing, int64) {
	m := newMapping(prefix, rules{nameMax: maxKey}, maphash.MakeSeed())
	if err := m.addAll(entries); err != nil {
		panic(err)
	}
	l := m.finish()
	return l, l.bytes()
}

// Persisted returns a listing as the ledger has it.
func Persisted(l *Listing) []byte { return slices.Concat(l.encode()...) }

// Restored reads it.
func Restored(c *Catalog, raw []byte, path string) (*Listing, error) {
	return decodeListing(raw, c.Below(path), c.names(), c.seed)
}

// Lose has the cache lose what it keeps of a name by itself, as it may at any time.
func (c *Catalog) Lose(path string) { c.store.forget(nodeKey(path)) }
