package catalog_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/catalog"
)

// TestEscapedNames are rule 8's examples, and what lies near them.
func TestEscapedNames(t *testing.T) {
	for component, name := range map[string]string{
		"": "／", ".": "．", "..": "．．", "a\x00b": "a␀b", "\x00": "␀",
		"／": "‛／", "．": "‛．", "．．": "‛．‛．", "␀": "‛␀", "‛": "‛‛", "‛‛": "‛‛‛‛",
		"a‛file": "a‛‛file", "‛file": "‛‛file", "‛marker": "‛‛marker", "a／b": "a‛／b",
		"...": "...", ".a": ".a", "%3A": "%3A", "日本": "日本", "’": "’", "‚": "‚",
		// Bytes that begin or end like a special character's.
		"\xe2\x80": "\xe2\x80", "\xe2‛\x9b": "\xe2‛‛\x9b", "\xe2\x80\x00\x9b": "\xe2\x80␀\x9b", "\xef\xbc": "\xef\xbc", "\x9b": "\x9b",
	} {
		if got := catalog.EscapedName(component); got != name {
			t.Errorf("%q is called %q, want %q", component, got, name)
		}
	}
	for _, name := range []string{
		"", ".", "..", "a\x00", "‛", "a‛", "‛a", "a‛filer", "‛file", "／‛file", "‛marker‛file", "a‛marker", "a‛file‛file",
		"a／", "／／", "．a", "．．．", "．‛．", ".‛file", "..‛file", "‛‛‛", "‛Marker",
	} {
		if component, what, ok := catalog.ParseEscaped(name); ok {
			t.Errorf("%q stands for %q (%d), want nothing", name, component, what)
		}
	}
}

// checkEscaping: what a component is called stands for it, and nothing else does.
func checkEscaping(t interface{ Fatalf(string, ...any) }, s string) {
	if !strings.Contains(s, "/") {
		for name, what := range catalog.EscapedNames(s) {
			component, got, ok := catalog.ParseEscaped(name)
			if !ok || component != s && !(s == "" && what != 0) || got != what {
				t.Fatalf("%q is called %q (%d), which stands for %q (%d), %v", s, name, what, component, got, ok)
			}
			if name == "." || name == ".." || name == "" || strings.ContainsAny(name, "\x00/") {
				t.Fatalf("%q is called %q", s, name)
			}
		}
		if strings.Trim(s, ".") != "" && !strings.ContainsAny(s, "‛／．␀\x00") && catalog.EscapedName(s) != s {
			t.Fatalf("%q needs no escaping, and is called %q", s, catalog.EscapedName(s))
		}
	}
	component, what, ok := catalog.ParseEscaped(s)
	if ok && (strings.Contains(s, "/") || !slices.Contains(keysOf(catalog.EscapedNames(component)), s) || catalog.EscapedNames(component)[s] != what) {
		t.Fatalf("%q stands for %q (%d), which is not called so", s, component, what)
	}
}

func keysOf(m map[string]int) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	return keys
}

func FuzzEscaping(f *testing.F) {
	for _, s := range []string{"", ".", "..", "a", "‛", "‛‛file", "a‛file", "‛marker", "／", "．．", "␀\x00", "\xe2\x80\x9b\x9b", "\xef\xbc\xef\xbc\x8f"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.Contains(s, "/") {
			return
		}
		checkEscaping(t, s)
	})
}

// TestEscapingIsABijection of all that a tiny alphabet makes: no name is another's.
func TestEscapingIsABijection(t *testing.T) {
	alphabet := []string{"a", ".", "\x00", "‛", "／", "．", "␀", "‛file", "‛marker", "file", "\xe2", "\x80\x9b", "\x9b", "\xef\xbc"}
	seen := map[string]bool{}
	called := map[string]string{}
	level := []string{""}
	for range 5 {
		var next []string
		for _, s := range level {
			if seen[s] {
				continue
			}
			seen[s] = true
			checkEscaping(t, s)
			for name := range catalog.EscapedNames(s) {
				if other, ok := called[name]; ok {
					t.Fatalf("%q and %q are called %q", s, other, name)
				}
				called[name] = s
			}
			for _, c := range alphabet {
				next = append(next, s+c)
			}
		}
		level = next
	}
	if len(seen) < 20_000 {
		t.Errorf("only %d components were made", len(seen))
	}
}

// escapedLevel is level in escape mode.
func escapedLevel(keys []string, prefix string) (entries []s3backend.Entry, names []string) {
	entries, _ = level(keys, prefix)
	dirs := make(map[string]bool)
	for _, e := range entries {
		if e.Dir {
			dirs[strings.TrimSuffix(e.Object.Key[len(prefix):], "/")] = true
		}
	}
	for _, e := range entries {
		component, dir := strings.CutSuffix(e.Object.Key[len(prefix):], "/")
		name := catalog.EscapedName(component)
		if !dir && dirs[component] {
			name += "‛file"
		}
		names = append(names, name)
	}
	return entries, names
}

// TestEscapedNamesComeBehindTheDoubt: at each moment of a listing, of names that sort
// elsewhere than their keys.
func TestEscapedNamesComeBehindTheDoubt(t *testing.T) {
	piece := rapid.SampledFrom([]string{
		"a", "b", "a/", "/", "/x", "-", ".", "\x00", "\x01", "0", "‛", "／", "．", "␀", "日", "é", "🐘", "\xff", "\xe2", "\xe2\x80", "\x80", "\x9b", "\xef", "\xbc", "\x8e",
	})
	rapid.Check(t, func(t *rapid.T) {
		var keys []string
		for range rapid.IntRange(2, 30).Draw(t, "n") {
			keys = append(keys, "p/"+strings.Join(rapid.SliceOfN(piece, 1, 5).Draw(t, "key"), ""))
		}
		entries, names := escapedLevel(keys, "p/")
		doubts, err := catalog.Doubts("p/", entries)
		if err != nil {
			t.Fatal(err)
		}
		for i, doubt := range doubts {
			for j, name := range names {
				// A directory's file has come before it, and is held back for it.
				late := j > i || j <= i && strings.HasSuffix(name, "‛file") && slices.Contains(names[i+1:], strings.TrimSuffix(name, "‛file"))
				if late && (doubt == "" || name < doubt) {
					t.Fatalf("after %q all before %q is sure, and there is %q to come", entries[i].Object.Key, doubt, name)
				}
			}
		}
		_, l, err := catalog.Mapped("p/", true, entries, rapid.IntRange(0, 2).Draw(t, "ask"), func(dir string) bool {
			return slices.ContainsFunc(keys, func(k string) bool { return strings.HasPrefix(k, "p/"+dir+"/") })
		})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, n := range l.From(0) {
			got = append(got, n.Name)
		}
		slices.Sort(names)
		if !slices.Equal(got, slices.Compact(names)) {
			t.Fatalf("%q, want %q", got, names)
		}
	})
}

// TestEscapedListingsStream: what is called by its key is not held back for what may
// be called otherwise.
func TestEscapedListingsStream(t *testing.T) {
	entries, _ := level([]string{"..", "a", "a\x00", "b", "c／", "d", "日", "本", "🐘"}, "")
	shown, _, err := catalog.Mapped("", true, entries, 1, func(string) bool { return false })
	if err != nil {
		t.Fatal(err)
	}
	if last := shown[len(shown)-1]; len(last) == 0 || last[0] != "a" {
		t.Errorf("%q", last)
	}
}
