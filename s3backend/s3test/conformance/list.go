package conformance

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// list returns the entries of a listing that has to be whole, by their names.
func (s suite) list(prefix string, limit int) map[string]s3backend.Entry {
	s.Helper()
	entries := make(map[string]s3backend.Entry)
	for e, err := range s.Bucket.List(s.Context(), prefix, limit) {
		if err != nil {
			s.Fatalf("list %q: %v", prefix, err)
		}
		if _, twice := entries[e.Object.Key]; twice {
			s.Errorf("list %q: %q comes twice", prefix, e.Object.Key)
		}
		if e.Dir && e.Object != (s3backend.Object{Key: e.Object.Key}) {
			s.Errorf("list %q: a common prefix with attributes: %+v", prefix, e.Object)
		}
		entries[e.Object.Key] = e
	}
	return entries
}

// wantNames lists prefix and compares: objects as their keys, common prefixes
// with " dir" behind them.
func (s suite) wantNames(prefix string, want ...string) {
	s.Helper()
	var names []string
	for key, e := range s.list(prefix, 0) {
		if e.Dir {
			key += " dir"
		}
		names = append(names, key)
	}
	slices.Sort(names)
	slices.Sort(want)
	if !slices.Equal(names, want) {
		s.Errorf("list %q: %q, want %q", prefix, names, want)
	}
}

func testListLevel(s suite) {
	obj := s.put("a", 1, 1, 100)
	s.put("d/e", 1, 1, 3)
	s.put("d/f/g/h", 1, 1, 4)
	s.put("d/f/g/i", 1, 1, 5)
	s.put("dd", 1, 1, 6)
	s.wantNames("", "a", "d/ dir", "dd")
	s.wantNames("d/", "d/e", "d/f/ dir")
	s.wantNames("d/f/", "d/f/g/ dir")
	s.wantNames("d/f/g/", "d/f/g/h", "d/f/g/i")
	obj.ContentType = ""
	if !s.ListsVersions {
		obj.VersionID = ""
	}
	listed := s.list("", 0)["a"].Object
	if listed.StorageClass == "STANDARD" {
		listed.StorageClass = obj.StorageClass // empty means STANDARD
	}
	if listed != obj {
		s.Errorf("listed as %+v, want %+v", listed, obj)
	}
}

func testListPrefixIsOfKeys(s suite) {
	s.putAll([]string{"d/a", "d/ab", "d/ac/x", "d/b", "da"})
	s.wantNames("d/a", "d/a", "d/ab", "d/ac/ dir")
	s.wantNames("d/ab", "d/ab")
	s.wantNames("d", "d/ dir", "da")
}

func testListMarker(s suite) {
	s.putAll([]string{"d/", "d/e/", "d/f"})
	s.wantNames("d/", "d/", "d/e/ dir", "d/f")
	s.wantNames("d/e/", "d/e/")
	s.wantNames("", "d/ dir")
}

func testListNothing(s suite) {
	s.wantNames("")
	s.putAll([]string{"d/a"})
	s.wantNames("e/")
	s.wantNames("d/a/")
	s.wantNames("D")
	s.remove("d/a")
	s.wantNames("d/")
}

// bordering are names that sort around those of their directory, some before
// and some after its slash.
func (s suite) bordering(n int) (keys, names []string) {
	for i := range n {
		base := fmt.Sprintf("p/%03d", i)
		tails := []string{"-b", ".b", "/1", "/2", "0", "!"}
		if !s.PathKeys {
			tails = append(tails, "")
		}
		for _, tail := range tails {
			keys = append(keys, base+tail)
			if dir, _, ok := strings.Cut(tail, "/"); ok {
				names = append(names, base+dir+"/ dir")
			} else {
				names = append(names, base+tail)
			}
		}
	}
	slices.Sort(names)
	return keys, slices.Compact(names)
}

func testListPages(s suite) {
	// More than a page of 1000. Servers with small pages end them at each of the tails.
	const bases = 250
	keys, names := s.bordering(bases)
	s.putAll(keys)
	s.wantNames("p/", names...)
	for _, limit := range []int{1, 2, 999, 1000, 1001, len(names), len(names) + 1} {
		if got := len(s.list("p/", limit)); got != min(limit, len(names)) {
			s.Errorf("%d entries for a limit of %d", got, limit)
		}
	}
	// Leaving the loop ends the listing: TestMain looks for goroutines.
	seen := 0
	for _, err := range s.Bucket.List(s.Context(), "p/", 0) {
		if err != nil {
			s.Fatal(err)
		}
		if seen++; seen == 1100 {
			break
		}
	}
	// One iterator can be ranged over again.
	seq := s.Bucket.List(s.Context(), "p/000", 0)
	for range 2 {
		n := 0
		for _, err := range seq {
			if err != nil {
				s.Fatal(err)
			}
			n++
		}
		if want := len(names) / bases; n != want {
			s.Errorf("%d entries below p/000, want %d", n, want)
		}
	}
}

func testListCancelled(s suite) {
	keys := make([]string, 1100)
	for i := range keys {
		keys[i] = fmt.Sprintf("p/%04d", i)
	}
	s.putAll(keys)
	for _, at := range []int{0, 1, 500} {
		ctx, cancel := context.WithCancel(s.Context())
		if at == 0 {
			cancel()
		}
		n := 0
		var failed error
		for e, err := range s.Bucket.List(ctx, "p/", 0) {
			if failed != nil {
				s.Error("more after an error")
			}
			if err != nil {
				failed = err
				if e != (s3backend.Entry{}) {
					s.Errorf("an entry with the error: %+v", e)
				}
			}
			if n++; n == at {
				cancel()
			}
		}
		cancel()
		s.wantError(failed, context.Canceled, "p/", "list")
	}
}

func testAwkwardKeys(s suite) {
	keys := []string{
		"a b", " a", "a ", "a+b", "a%2Fb", "a%25", "a%", "a?b", "a#b", "a&b", "a=b", "a;b", "a:b", "a@b", "a,b", "a$b",
		"<a>", `"a"`, "'a'", `a\b`, "*", "~", "(a)", "[a]", "{a}", "|", "^", "`", "é", "e\u0301", "日本", "😀", "A", "a",
		"partition=2024-01-01T00%3A00/x", ".hidden", "..a", "a..", strings.Repeat("n", 255), strings.Repeat("d/", 300) + "x",
	}
	if !s.PathKeys {
		keys = append(keys, "/a", "//", "a//b", ".", "..", "../x", "a/./b", "a/../b", "a/b", "a/", strings.Repeat("n", 1024))
	}
	if !s.PathKeys && !s.XMLKeys {
		keys = append(keys, "a\nb", "a\tb", "a\rb", "\x01", "a\x7fb")
	}
	for i, key := range keys {
		if err := s.Put(s.Context(), key, s3test.Coded(uint32(i), 1, 64)); err != nil {
			s.Fatalf("put %q: %v", key, err)
		}
	}
	for i, key := range keys {
		obj := s.head(key)
		if obj.Key != key {
			s.Errorf("head %q is of %q", key, obj.Key)
		}
		if err := s.check(obj, uint32(i), 1, 0, 64); err != nil {
			s.Errorf("%q: %v", key, err)
		}
		// The listing of the level that the key is in has it.
		prefix := key[:strings.LastIndexByte(key, '/')+1]
		if e, ok := s.list(prefix, 0)[key]; !ok || e.Dir || e.Object.ETag != obj.ETag {
			s.Errorf("list %q: %q is %+v, %t", prefix, key, e, ok)
		}
	}
}

// testPages: a bucket that gives spans gives them as List does, every key where no
// level is asked for, and nothing of before the span.
func testPages(s suite) {
	p, ok := s.Bucket.(s3backend.Pager)
	if !ok {
		s.Fatalf("%T gives no pages", s.Bucket)
	}
	keys, _ := s.bordering(250)
	s.putAll(keys)
	s.putAll([]string{"o", "q/r"})
	slices.Sort(keys)
	for _, after := range []string{"", keys[0], keys[700], "p/100/", "p/100/3", "p/0995", keys[len(keys)-1], "p0"} {
		for _, deep := range []bool{false, true} {
			if !deep && strings.Contains(strings.TrimPrefix(after, "p/"), "/") {
				continue // servers differ
			}
			var want, got []string
			for _, k := range keys {
				if rest, _, dir := strings.Cut(k[len("p/"):], "/"); dir && !deep {
					k = "p/" + rest + "/"
				}
				if k > after && !slices.Contains(want[max(len(want)-2, 0):], k) {
					want = append(want, k)
				}
			}
			for page, err := range p.Pages(s.Context(), s3backend.Span{Prefix: "p/", After: after, Deep: deep}) {
				if err != nil {
					s.Fatal(err)
				}
				for _, e := range page {
					if e.Dir != (e.Object.Key[len(e.Object.Key)-1] == '/') {
						s.Errorf("%q is a common prefix: %v", e.Object.Key, e.Dir)
					}
					got = append(got, e.Object.Key)
				}
			}
			if s.Unsorted {
				slices.Sort(got)
			}
			if !slices.Equal(got, want) {
				s.Errorf("after %q, deep %v: %d entries, want %d", after, deep, len(got), len(want))
			}
		}
	}
}

// testPeek: a bucket that tells more than one key tells the first ones, says whether
// there are others, and gives nothing only where there is nothing.
func testPeek(s suite) {
	p, ok := s.Bucket.(s3backend.Peeker)
	if !ok {
		return // it need not
	}
	s.putAll([]string{"a/b/c", "a/b/d/e", "a/b-"}) // not a/b too, which a server on a file system cannot keep
	keys, _ := s.bordering(600)
	s.putAll(keys)
	slices.Sort(keys)
	for prefix, want := range map[string][]string{"a/b/": {"a/b/c", "a/b/d/e"}, "a/b/c/": nil, "a/none/": nil, "p/": keys} {
		got, whole, err := p.Peek(s.Context(), s3backend.Span{Prefix: prefix, Deep: true})
		if err != nil {
			s.Fatal(err)
		}
		if len(got) > len(want) || len(got) == 0 && len(want) > 0 || whole != (len(got) == len(want)) {
			s.Errorf("%q: %d of %d keys, all: %v", prefix, len(got), len(want), whole)
		}
		for i, e := range got {
			if e.Dir || !s.Unsorted && i < len(want) && e.Object.Key != want[i] || !slices.Contains(want, e.Object.Key) {
				s.Errorf("%q: the %d-th is %+v", prefix, i, e)
			}
		}
	}
}
