package s3test_test

import (
	"encoding/xml"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// listing is what a client reads of a page.
type listing struct {
	KeyCount, MaxKeys     *int
	IsTruncated           *bool
	NextContinuationToken string
	EncodingType          string
	Contents              []struct{ Key, ETag, StorageClass, LastModified string }
	CommonPrefixes        []struct{ Prefix string }
}

func (f *fixture) list(t testing.TB, query url.Values) listing {
	t.Helper()
	query.Set("list-type", "2")
	g := f.must(t, "GET", "?"+query.Encode())
	var l listing
	if err := xml.Unmarshal(g.body, &l); err != nil || g.StatusCode != 200 {
		t.Fatalf("%d %v: %s", g.StatusCode, err, g.body)
	}
	if l.KeyCount == nil || l.IsTruncated == nil || l.MaxKeys == nil || *l.KeyCount != len(l.Contents)+len(l.CommonPrefixes) {
		t.Fatalf("incomplete: %s", g.body)
	}
	return l
}

// pages lists everything, in pages of max, and returns the names of each page.
func (f *fixture) pages(t testing.TB, query url.Values, max int) (pages [][]string) {
	query.Set("encoding-type", "url")
	query.Set("max-keys", strconv.Itoa(max))
	for {
		l := f.list(t, query)
		var page []string
		decode := func(s string) {
			raw, err := url.QueryUnescape(s)
			if err != nil {
				t.Fatal(err)
			}
			page = append(page, raw)
		}
		for _, c := range l.Contents {
			decode(c.Key)
		}
		for _, p := range l.CommonPrefixes {
			decode(p.Prefix)
		}
		pages = append(pages, page)
		if *l.IsTruncated != (l.NextContinuationToken != "") {
			t.Fatalf("IsTruncated %t with token %q", *l.IsTruncated, l.NextContinuationToken)
		}
		if !*l.IsTruncated {
			return pages
		}
		query.Set("continuation-token", l.NextContinuationToken)
	}
}

// level is the reference: the names of a level, in S3's order.
func level(keys []string, prefix, delimiter, after string) (names []string) {
	keys = slices.Clone(keys)
	slices.Sort(keys)
	for _, k := range slices.Compact(keys) {
		rest, ok := strings.CutPrefix(k, prefix)
		if !ok || k <= after {
			continue
		}
		if head, _, cut := strings.Cut(rest, delimiter); delimiter != "" && cut {
			k = prefix + head + delimiter
		}
		if !slices.Contains(names, k) {
			names = append(names, k)
		}
	}
	return names
}

func TestListingsAgreeWithTheModel(t *testing.T) {
	name := rapid.StringOfN(rapid.RuneFrom([]rune("a-./!%é\n\x01")), 1, 5, -1)
	f := serve(t, s3test.ServerConfig{})
	var kept []string
	rapid.Check(t, func(rt *rapid.T) {
		for _, k := range kept {
			f.mem.Delete(k)
		}
		kept = rapid.SliceOfN(name, 0, 30).Draw(rt, "keys")
		for _, k := range kept {
			f.mem.Put(k, s3test.Bytes(nil))
		}
		prefix := rapid.SampledFrom([]string{"", "a", "a/", "-", "none"}).Draw(rt, "prefix")
		delimiter := rapid.SampledFrom([]string{"/", "", "a", "./"}).Draw(rt, "delimiter")
		after := rapid.SampledFrom([]string{"", "a", "a/", "a/a", "\x01"}).Draw(rt, "after")
		max := rapid.IntRange(1, 7).Draw(rt, "max")
		q := url.Values{"prefix": {prefix}, "delimiter": {delimiter}, "start-after": {after}}
		want := level(kept, prefix, delimiter, after)
		for i, page := range f.pages(t, q, max) {
			expected := slices.Clone(want[:min(max, len(want))])
			want = want[len(expected):]
			slices.Sort(page)
			slices.Sort(expected)
			if !slices.Equal(page, expected) {
				rt.Fatalf("page %d is %q, want %q", i, page, expected)
			}
		}
		if len(want) > 0 {
			rt.Fatalf("%q are missing", want)
		}
	})
}

func TestListingsOfManyKeys(t *testing.T) {
	f := serve(t, s3test.ServerConfig{})
	for i := range 2500 {
		f.mem.Put(fmt.Sprintf("d/%04d", i), s3test.Bytes(nil))
		f.mem.Put(fmt.Sprintf("e%d/x", i%3), s3test.Bytes(nil))
	}
	q := func() url.Values { return url.Values{"prefix": {"d/"}, "delimiter": {"/"}} }
	for _, max := range []int{1000, 5000, 999} {
		var lengths []int
		for _, p := range f.pages(t, q(), max) {
			lengths = append(lengths, len(p))
		}
		n := min(max, 1000)
		if want := []int{n, n, 2500 - 2*n}; !slices.Equal(lengths, want) {
			t.Errorf("max-keys %d: pages of %v, want %v", max, lengths, want)
		}
	}
	if l := f.list(t, url.Values{"max-keys": {"0"}}); *l.KeyCount != 0 || *l.IsTruncated || *l.MaxKeys != 0 {
		t.Errorf("max-keys 0: %+v", l)
	}
	if l := f.list(t, url.Values{"delimiter": {"/"}, "max-keys": {"4"}}); *l.KeyCount != 4 || *l.IsTruncated {
		t.Errorf("exactly max-keys entries: truncated %t", *l.IsTruncated)
	}
}

func TestTokensAreOpaque(t *testing.T) {
	f, other := serve(t, s3test.ServerConfig{}), serve(t, s3test.ServerConfig{})
	f.mem.Put("a", s3test.Bytes(nil))
	f.mem.Put("b", s3test.Bytes(nil))
	q := url.Values{"max-keys": {"1"}}
	one, two := f.list(t, q).NextContinuationToken, f.list(t, q).NextContinuationToken
	if one == two || one == "" {
		t.Errorf("tokens %q and %q", one, two)
	}
	if g := other.must(t, "GET", "?list-type=2&continuation-token="+url.QueryEscape(one)); g.StatusCode != 400 {
		t.Errorf("another server took the token: %d", g.StatusCode)
	}
}

func TestListingWithoutEncoding(t *testing.T) {
	f := serve(t, s3test.ServerConfig{})
	f.mem.PutWith("a&<b>+ %25é", s3test.Bytes(nil), s3test.PutOptions{StorageClass: "STANDARD_IA"})
	l := f.list(t, url.Values{})
	if len(l.Contents) != 1 || l.Contents[0].Key != "a&<b>+ %25é" || l.Contents[0].StorageClass != "STANDARD_IA" || l.EncodingType != "" {
		t.Errorf("%+v", l)
	}
	f.mem.Put("a\x01b", s3test.Bytes(nil))
	g := f.must(t, "GET", "?list-type=2")
	if err := xml.Unmarshal(g.body, &l); err == nil {
		t.Errorf("XML with a control character was read: %s", g.body)
	}
	l = f.list(t, url.Values{"encoding-type": {"url"}})
	if l.Contents[0].Key != "a%01b" || l.Contents[1].Key != "a%26%3Cb%3E%2B+%2525%C3%A9" {
		t.Errorf("%+v", l)
	}
}
