package catalog_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/catalog"
)

// level returns what a bucket says of the level at prefix: its entries in the
// bucket's order, and the names that a directory has then, sorted.
func level(keys []string, prefix string) (entries []s3backend.Entry, names []string) {
	slices.Sort(keys)
	dirs := make(map[string]bool)
	for _, k := range slices.Compact(keys) {
		rest, ok := strings.CutPrefix(k, prefix)
		if !ok || rest == "" {
			continue
		}
		name, _, dir := strings.Cut(rest, "/")
		if !dir {
			entries = append(entries, s3backend.Entry{Object: s3backend.Object{Key: k}})
		} else if !dirs[name] {
			dirs[name] = true
			entries = append(entries, s3backend.Entry{Object: s3backend.Object{Key: prefix + name + "/"}, Dir: true})
		}
		if name != "" && name != "." && name != ".." && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return entries, names
}

// FuzzMapping: what is shown early is a beginning of the whole, and the whole is
// sorted by names, whatever is asked in between.
func FuzzMapping(f *testing.F) {
	for _, s := range []string{"a\na-b\na.b\na/1\na0", "-\n-/\n-a", "a-1\na-2\na-3/x\na/x", "x!\nx!y/z\nx/", "a\na/\n/\n//\n../x"} {
		for ask := range byte(3) {
			f.Add(s, ask)
		}
	}
	f.Fuzz(func(t *testing.T, text string, ask byte) {
		if strings.Contains(text, "\x00") || len(text) > 1000 {
			return
		}
		keys := strings.Split("p/"+strings.ReplaceAll(text, "\n", "\np/"), "\n")
		entries, names := level(keys, "p/")
		exists := func(dir string) bool {
			return slices.ContainsFunc(keys, func(k string) bool { return strings.HasPrefix(k, "p/"+dir+"/") })
		}
		shown, l, err := catalog.Mapped("p/", false, entries, int(ask%3), exists)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, n := range l.From(0) {
			got = append(got, n.Name)
			if n.Dir != exists(n.Name) {
				t.Fatalf("%q is a directory: %v", n.Name, n.Dir)
			}
		}
		if !slices.Equal(got, names) {
			t.Fatalf("%q, want %q", got, names)
		}
		for _, some := range shown {
			if !slices.Equal(some, names[:len(some)]) {
				t.Fatalf("%q was shown of %q", some, names)
			}
		}
	})
}

// Names are shown as soon as nothing can come before them.
func TestMappingShowsWhatIsSure(t *testing.T) {
	entries, _ := level([]string{"a", "b-1", "b-2", "b/x", "c"}, "")
	shown, _, err := catalog.Mapped("", false, entries, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	// a/ may still come, then b/, which does.
	for i, want := range []int{0, 1} {
		if len(shown[i]) != want {
			t.Errorf("after %q: %q", entries[i].Object.Key, shown[i])
		}
	}
	// Asked whether there is b, it is not waited for.
	shown, l, err := catalog.Mapped("", false, entries, 1, func(dir string) bool { return dir == "b" })
	if err != nil || len(shown[0]) != 1 || l.Len() != 5 {
		t.Errorf("%q, %v", shown, err)
	}
}
