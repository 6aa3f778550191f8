package catalog_test

import (
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
}

func (m model) valid(component string) bool {
	return component != "" && component != "." && component != ".." &&
		len(component) <= m.nameMax && !strings.Contains(component, "\x00")
}

// stat returns "dir", "file" or "".
func (m model) stat(path string) string {
	if path == "" {
		return "dir"
	}
	for _, c := range strings.Split(path, "/") {
		if !m.valid(c) {
			return ""
		}
	}
	for k := range m.keys {
		if strings.HasPrefix(k, m.prefix+path+"/") {
			return "dir"
		}
	}
	if _, ok := m.keys[m.prefix+path]; ok {
		return "file"
	}
	return ""
}

func (m model) list(path string) (names map[string]string, h catalog.Hidden) {
	names = make(map[string]string)
	below := m.prefix
	if path != "" {
		below += path + "/"
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
			h.MarkerContent++
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
		switch {
		case !m.valid(p.name) && (len(p.name) <= m.nameMax || strings.Contains(p.name, "\x00")):
			h.Unrepresentable++
		case !m.valid(p.name):
			h.TooLong++
		case p.dir:
			names[p.name] = "dir"
		case parts[part{p.name, true}]:
			h.Shadowed++
		default:
			names[p.name] = "file"
		}
	}
	return names, h
}

func genKeys(t *rapid.T) map[string]int {
	piece := rapid.SampledFrom([]string{
		"a", "a", "-", ".", "/", "/", "/", "!", "%", "é", "\n", "\xff", "..", "a/b/c/d/e/f/",
		"\x00", "aaaaaaaaaaaaaaaaaaaa", "+", " ",
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
		nameMax: rapid.SampledFrom([]int{1024, 20, 3}).Draw(t, "nameMax"),
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
		Bucket: bucket, Unordered: unordered, Prefix: m.prefix, NameMax: m.nameMax, Memory: 1 << 20,
		ListAhead:   rapid.Bool().Draw(t, "ahead"),
		TTL:         rapid.SampledFrom([]time.Duration{0, -1}).Draw(t, "ttl"),
		NegativeTTL: rapid.SampledFrom([]time.Duration{0, -1}).Draw(t, "negative"),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	checkTree(t, c, m, "")
	for range 20 {
		path := strings.Join(rapid.SliceOfN(rapid.SampledFrom(
			[]string{"a", "-", ".", "/", "%", "\xff", "é", "\n", "aaa"}), 1, 6).Draw(t, "path"), "")
		checkStat(t, c, m, path)
	}
}

func checkTree(t *rapid.T, c *catalog.Catalog, m model, path string) {
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
		if kind := names[n.Name]; (kind == "dir") != n.Dir || kind == "" {
			t.Fatalf("list %q: %q is a directory: %v, want %q", path, n.Name, n.Dir, kind)
		}
	}
	if want := slices.Sorted(maps.Keys(names)); !slices.Equal(got, want) {
		t.Fatalf("list %q = %q, want %q", path, got, want)
	}
	for name, kind := range names {
		child := strings.TrimPrefix(path+"/"+name, "/")
		checkStat(t, c, m, child)
		if kind == "dir" {
			checkTree(t, c, m, child)
		}
	}
}

func checkStat(t *rapid.T, c *catalog.Catalog, m model, path string) {
	n, err := c.Lookup(context.Background(), path)
	got := "file"
	switch {
	case errors.Is(err, fs.ErrNotExist):
		got = ""
	case err != nil:
		t.Fatalf("lookup %q: %v", path, err)
	case n.Dir:
		got = "dir"
	}
	if want := m.stat(path); got != want {
		t.Fatalf("lookup %q = %q, want %q", path, got, want)
	}
	if got == "file" && (n.Object.Key != m.prefix+path || n.Object.Size != int64(m.keys[m.prefix+path])) {
		t.Fatalf("lookup %q is the object %+v", path, n.Object)
	}
	if got != "" && path != "" && n.Name != path[strings.LastIndex(path, "/")+1:] {
		t.Fatalf("lookup %q is called %q", path, n.Name)
	}
}
