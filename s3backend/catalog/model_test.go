package catalog_test

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/catalog"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// model answers by looking at every key each time; it shares nothing with the
// catalog but the rules.
type model struct {
	prefix  string
	keys    map[string]int // sizes
	nameMax int
	escape  bool // rule 8
}

// thing is what a path is in the model.
type thing struct {
	dir bool
	key string // of a file
}

// name returns what a component is called, "" if nothing.
func (m model) name(component string) string {
	switch {
	case component == "" || component == "." || component == ".." || strings.Contains(component, "\x00"):
		if !m.escape {
			return ""
		}
	}
	if !m.escape {
		return component
	}
	whole := map[string]string{"": "／", ".": "．", "..": "．．"}
	if name, ok := whole[component]; ok {
		return name
	}
	return strings.NewReplacer("／", "‛／", "．", "‛．", "␀", "‛␀", "‛", "‛‛", "\x00", "␀").Replace(component)
}

// path returns what the directory or object of a key below the prefix is called if
// nothing else is; itself in parts that cannot be called anything.
func (m model) path(key string) string {
	var names []string
	for component := range strings.SplitSeq(key, "/") {
		names = append(names, cmp.Or(m.name(component), component))
	}
	return strings.Join(names, "/")
}

// below returns what the keys in the directory at path start with.
func (m model) below(path string) (prefix string, ok bool) {
	if path == "" {
		return m.prefix, true
	}
	for k := range m.keys {
		rest, ok := strings.CutPrefix(k, m.prefix)
		if !ok {
			continue
		}
		prefix, names := m.prefix, []string{}
		for _, c := range strings.SplitAfter(rest, "/") {
			component, dir := strings.CutSuffix(c, "/")
			name := m.name(component)
			if !dir || name == "" || len(name) > m.nameMax {
				break
			}
			prefix, names = prefix+c, append(names, name)
			if strings.Join(names, "/") == path {
				return prefix, true
			}
		}
	}
	return "", false
}

// stat returns what is at path; ok is false for nothing.
func (m model) stat(path string) (thing, bool) {
	if path == "" {
		return thing{dir: true}, true
	}
	i := strings.LastIndexByte(path, '/')
	if i == 0 {
		return thing{}, false
	}
	names, _ := m.list(path[:max(i, 0)])
	t, ok := names[path[i+1:]]
	return t, ok
}

func (m model) list(path string) (names map[string]thing, h catalog.Hidden) {
	names = make(map[string]thing)
	below, ok := m.below(path)
	if !ok {
		return nil, h
	}
	type part struct {
		name string
		dir  bool
	}
	parts := make(map[part]bool)
	for k, size := range m.keys {
		rest, ok := strings.CutPrefix(k, below)
		switch {
		case !ok:
		case rest == "" && path != "" && size > 0:
			if !m.escape {
				h.MarkerContent++
			} else if len("‛marker") > m.nameMax {
				h.TooLong++
			} else {
				names["‛marker"] = thing{key: k}
			}
		case rest != "":
			i := strings.Index(rest, "/")
			if i < 0 {
				parts[part{rest, false}] = true
			} else {
				parts[part{rest[:i], true}] = true
			}
		}
	}
	for p := range parts {
		name := m.name(p.name)
		beside := !p.dir && name != "" && len(name) <= m.nameMax && parts[part{p.name, true}]
		if beside && m.escape {
			name += "‛file"
		}
		switch {
		case name == "":
			h.Unrepresentable++
		case len(name) > m.nameMax:
			h.TooLong++
		case beside && !m.escape:
			h.Shadowed++
		default:
			if _, ok := names[name]; ok {
				panic("two are called " + name)
			}
			names[name] = thing{p.dir, below + p.name}
		}
	}
	return names, h
}

func genKeys(t *rapid.T) map[string]int {
	piece := rapid.SampledFrom([]string{
		"a", "a", "a", "a", "-", ".", "/", "/", "/", "/", "/", "!", "%", "é", "\n", "\xff", "..", "a/b/c/d/e/f/",
		"\x00", "aaaaaaaaaaaaaaaaaaaa", "+", " ",
		"‛", "／", "．", "␀", "file", "‛file", "‛marker", "日", "\xe2", "\x80", "\xef",
	})
	keys := make(map[string]int)
	for range rapid.IntRange(0, 30).Draw(t, "n") {
		k := strings.Join(rapid.SliceOfN(piece, 1, 7).Draw(t, "key"), "")
		keys[k] = rapid.SampledFrom([]int{0, 0, 3}).Draw(t, "size")
	}
	return keys
}

func TestCatalogIsTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSpy()
		s.reverse = rapid.Bool().Draw(t, "reverse")
		if rapid.Bool().Draw(t, "peeks") {
			checkModel(t, peeker{s}, s.Mem, false)
			return
		}
		checkModel(t, s, s.Mem, false)
	})
}

// The same over servers that list otherwise than S3, a few names a page.
func TestCatalogOverQuirks(t *testing.T) {
	for _, name := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		t.Setenv(name, "/dev/null")
	}
	rapid.Check(t, func(t *rapid.T) {
		q := s3test.Quirks{
			IgnoreMaxKeys:    rapid.Bool().Draw(t, "IgnoreMaxKeys"),
			IgnoreStartAfter: rapid.Bool().Draw(t, "IgnoreStartAfter"),
			Unsorted:         rapid.Bool().Draw(t, "Unsorted"),
		}
		mem := s3test.NewMem()
		s, err := s3test.NewServer(mem, s3test.ServerConfig{PageSize: rapid.IntRange(1, 4).Draw(t, "page"), Quirks: q})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		c, err := s3backend.New(context.Background(), s3backend.Options{Bucket: s.Bucket(), EndpointURL: s.URL(), NoSignRequest: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		checkModel(t, c, mem, q.Unsorted)
	})
}

func checkModel(t *rapid.T, bucket s3backend.Bucket, mem *s3test.Mem, unordered bool) {
	m := model{
		prefix:  rapid.SampledFrom([]string{"", "", "a/", "a//", "-/a/"}).Draw(t, "prefix"),
		nameMax: rapid.SampledFrom([]int{1024, 20, 9, 3}).Draw(t, "nameMax"),
		escape:  rapid.Bool().Draw(t, "escape"),
		keys:    make(map[string]int),
	}
	mem.SetPageSize(rapid.IntRange(1, 5).Draw(t, "page"))
	for k, size := range genKeys(t) {
		if rapid.Bool().Draw(t, "below the prefix") {
			k = m.prefix + k
		}
		m.keys[k] = size
		mem.Put(k, s3test.Bytes(make([]byte, size)))
	}
	c, err := catalog.New(catalog.Config{
		Bucket: bucket, Unordered: unordered, Prefix: m.prefix, NameMax: m.nameMax, Escape: m.escape, Memory: 1 << 20,
		ListAhead:   rapid.Bool().Draw(t, "ahead"),
		TTL:         rapid.SampledFrom([]time.Duration{0, -1}).Draw(t, "ttl"),
		NegativeTTL: rapid.SampledFrom([]time.Duration{0, -1}).Draw(t, "negative"),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	// Before anything is listed, as the kernel does it: each name of a path.
	for k := range m.keys {
		rest, below := strings.CutPrefix(k, m.prefix)
		if !below || !rapid.Bool().Draw(t, "looked up first") {
			continue
		}
		for i := range len(rest) {
			if rest[i] == '/' {
				checkStat(t, c, m, m.path(rest[:i]))
			}
		}
		checkStat(t, c, m, m.path(rest))
	}
	checkTree(t, c, m, "", make(map[identity]string))
	for range 20 {
		path := strings.Join(rapid.SliceOfN(rapid.SampledFrom(
			[]string{"a", "-", ".", "/", "%", "\xff", "é", "\n", "aaa", "‛", "／", "．", "␀", "‛file", "‛marker"}), 1, 6).Draw(t, "path"), "")
		checkStat(t, c, m, path)
	}
}

// identity is what Catalog.Identity says.
type identity struct {
	key    string
	beside bool
}

func checkTree(t *rapid.T, c *catalog.Catalog, m model, path string, seen map[identity]string) {
	var id identity
	id.key, id.beside = c.Identity(path)
	if other, twice := seen[id]; twice {
		t.Fatalf("%q and %q are the same: %+v", path, other, id)
	}
	seen[id] = path
	names, hidden := m.list(path)
	l, err := c.List(context.Background(), path)
	if err != nil {
		t.Fatalf("list %q: %v", path, err)
	}
	if l.Hidden != hidden {
		t.Fatalf("list %q hides %+v, want %+v", path, l.Hidden, hidden)
	}
	got := make([]string, 0, l.Len())
	for _, n := range l.From(0) {
		got = append(got, n.Name)
		if want, ok := names[n.Name]; want.dir != n.Dir || !ok || !n.Dir && n.Object.Key != want.key {
			t.Fatalf("list %q: %q is %+v, want %+v, %v", path, n.Name, n, want, ok)
		}
	}
	if want := slices.Sorted(maps.Keys(names)); !slices.Equal(got, want) {
		t.Fatalf("list %q = %q, want %q", path, got, want)
	}
	for name, is := range names {
		child := strings.TrimPrefix(path+"/"+name, "/")
		checkStat(t, c, m, child)
		if is.dir {
			checkTree(t, c, m, child, seen)
			continue
		}
		id.key, id.beside = c.Identity(child)
		if other, twice := seen[id]; twice || m.prefix+id.key != is.key {
			t.Fatalf("%q and %q are the same: %+v", child, other, id)
		}
		seen[id] = child
	}
}

func checkStat(t *rapid.T, c *catalog.Catalog, m model, path string) {
	n, err := c.Lookup(context.Background(), path)
	want, ok := m.stat(path)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		t.Fatalf("lookup %q: %v", path, err)
	case ok != (err == nil) || n.Dir != want.dir:
		t.Fatalf("lookup %q = %+v, %v, want %+v, %v", path, n, err, want, ok)
	case !ok:
		return
	}
	if !n.Dir && (n.Object.Key != want.key || n.Object.Size != int64(m.keys[want.key])) {
		t.Fatalf("lookup %q is the object %+v", path, n.Object)
	}
	if path != "" && n.Name != path[strings.LastIndex(path, "/")+1:] {
		t.Fatalf("lookup %q is called %q", path, n.Name)
	}
	if key := c.Key(path); !n.Dir && key != want.key {
		t.Fatalf("%q is the key %q", path, key)
	}
	if prefix, _ := m.below(path); n.Dir && c.Below(path) != prefix {
		t.Fatalf("below %q are the keys %q...", path, c.Below(path))
	}
	if !n.Dir {
		again, err := c.Revalidate(context.Background(), path)
		if err != nil || again.Object.Key != want.key || again.Name != n.Name {
			t.Fatalf("revalidate %q: %+v, %v", path, again, err)
		}
	}
}
