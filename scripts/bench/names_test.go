package main

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// fewNames are like those that are measured, and less.
func fewNames() *names {
	return newNames([]nameSet{
		{"tree", []level{{"%02d/", 4}, {"%02d/", 3}, {"part-%03d.csv", 7}}},
		{"flat", []level{{"part-%05d.csv", 50}}},
	})
}

// listed is what a client reads of a page.
type listedPage struct {
	KeyCount              int
	IsTruncated           bool
	NextContinuationToken string
	Contents              []struct {
		Key, ETag, LastModified, StorageClass string
		Size                                  int64
	}
	CommonPrefixes []struct{ Prefix string }
}

func get(t *testing.T, s *s3test.Server, query url.Values) (p listedPage) {
	t.Helper()
	resp, err := http.Get(s.URL() + "/" + s.Bucket() + "?" + query.Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := xml.NewDecoder(resp.Body).Decode(&p); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%v: %s, %v", query, resp.Status, err)
	}
	if p.KeyCount != len(p.Contents)+len(p.CommonPrefixes) || p.IsTruncated != (p.NextContinuationToken != "") {
		t.Fatalf("%v: %+v", query, p)
	}
	return p
}

// all lists everything from a query's place on, in pages.
func (p listedPage) names() (all []string) {
	for _, c := range p.Contents {
		all = append(all, c.Key)
	}
	for _, c := range p.CommonPrefixes {
		all = append(all, c.Prefix)
	}
	slices.Sort(all)
	return all
}

// The names are listed as s3test lists a bucket with the same keys, page by page.
func TestNamesAreListedAsS3Does(t *testing.T) {
	n, like := fewNames(), s3test.NewMem()
	for i := range n.len() {
		like.Put(n.key(i), s3test.Bytes(nil))
	}
	ours, theirs := serverOf(t, s3test.NewMem()), serverOf(t, like)
	n.serve(ours)
	for _, prefix := range []string{"", "f", "flat", "flat/", "flat/part-0001", "tree/", "tree/01/", "tree/01/02/", "tree/01/02/part-006.csv", "none", "zz"} {
		for _, delimiter := range []string{"", "/"} {
			for _, after := range []string{"", "a", "flat/part-00012.csv", "flat/part-00012", "tree/01/", "tree/01/01/part-003.csv", "zz"} {
				for _, most := range []string{"1", "7", "1000"} {
					q := url.Values{"list-type": {"2"}, "prefix": {prefix}, "delimiter": {delimiter}, "start-after": {after},
						"max-keys": {most}, "encoding-type": {"url"}}
					same(t, ours, theirs, q)
				}
			}
		}
	}
}

// same follows the pages of both servers to their end.
func same(t *testing.T, ours, theirs *s3test.Server, q url.Values) {
	t.Helper()
	other := url.Values{}
	for k, v := range q {
		other[k] = v
	}
	for range 200 {
		got, want := get(t, ours, q), get(t, theirs, other)
		if !slices.Equal(got.names(), want.names()) || got.IsTruncated != want.IsTruncated {
			t.Fatalf("%v: %q, truncated %t; want %q, truncated %t", q, got.names(), got.IsTruncated, want.names(), want.IsTruncated)
		}
		if !want.IsTruncated {
			return
		}
		q.Set("continuation-token", got.NextContinuationToken)
		other.Set("continuation-token", want.NextContinuationToken)
	}
	t.Fatalf("%v does not end", q)
}

func serverOf(t *testing.T, m *s3test.Mem) *s3test.Server {
	t.Helper()
	s, err := s3test.NewServer(m, s3test.ServerConfig{Bucket: bucketName})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	return s
}

// A HEAD says what the listing said.
func TestNamesHead(t *testing.T) {
	s := serverOf(t, s3test.NewMem())
	fewNames().serve(s)
	for _, c := range get(t, s, url.Values{"list-type": {"2"}, "prefix": {"tree/01/"}}).Contents {
		resp, err := http.Head(s.URL() + "/" + bucketName + "/" + c.Key)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		modified, err := http.ParseTime(resp.Header.Get("Last-Modified"))
		if resp.StatusCode != http.StatusOK || resp.ContentLength != c.Size || c.Size < 1 || resp.Header.Get("Etag") != c.ETag ||
			err != nil || modified.Format("2006-01-02T15:04:05.000Z") != c.LastModified {
			t.Fatalf("%+v: %s, %v, %d bytes, %v", c, resp.Status, resp.Header, resp.ContentLength, err)
		}
	}
	for _, key := range []string{"tree/01", "tree/01/", "tree", "a", "zz"} {
		resp, err := http.Head(s.URL() + "/" + bucketName + "/" + key)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", key, resp.Status)
		}
	}
}

// The sets do not reach into each other, and the paths of the patterns are there.
func TestNameSets(t *testing.T) {
	n := newNames(slices.DeleteFunc(nameSets(), func(s nameSet) bool { return strings.HasPrefix(s.dir, "million") }))
	if n.len() != 40_000 {
		t.Errorf("%d names", n.len())
	}
	for i := range n.len() - 1 {
		if n.key(i) >= n.key(i+1) {
			t.Fatalf("%q before %q", n.key(i), n.key(i+1))
		}
	}
	for _, key := range append(treeFiles(1000), strayFiles(1000)...) {
		if i := n.search(key); i == n.len() || n.key(i) != key {
			t.Fatalf("no %s", key)
		}
	}
	for _, s := range nameSets()[2:] {
		if s.files() != million {
			t.Errorf("%s has %d files", s.dir, s.files())
		}
	}
}

// A walk counts the lines of a program, and fails with it.
func TestWalk(t *testing.T) {
	srv, _ := start(t)
	print := func(text string) func(string) []string {
		return func(string) []string { return []string{"printf", text} }
	}
	w := walk{args: print("a\nb\n"), lines: 2}
	if o, c, err := w.run(t.Context(), srv, ""); err != nil || o.Ops != 2 || o.Seconds <= 0 || c.requests() > 0 {
		t.Errorf("%+v, %+v, %v", o, c, err)
	}
	for _, wrong := range []walk{{args: print("a\n"), lines: 2}, {args: func(string) []string { return []string{"false"} }}} {
		if _, _, err := wrong.run(t.Context(), srv, ""); err == nil {
			t.Errorf("%+v: no error", wrong)
		}
	}
}

// The bare pages are all of a directory's.
func TestPages(t *testing.T) {
	srv, _ := start(t)
	r := runner{namesServer: srv, bares: make(map[key]sample)}
	s, err := r.pages(t.Context(), profile{}, "small")
	if err != nil || s.Ops != 1 || s.Lists != 1 || s.requests() != 1 || s.Seconds <= 0 {
		t.Errorf("%+v, %v", s, err)
	}
	again, err := r.pages(t.Context(), profile{}, "small")
	if err != nil || fmt.Sprint(again) != fmt.Sprint(s) {
		t.Errorf("%+v, %v", again, err)
	}
}
