package s3backend_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
)

// entries lists below prefix: names, with the error that ended the listing.
func entries(c *s3backend.Client, prefix string, limit int) (names []string, err error) {
	for e, err := range c.List(context.Background(), prefix, limit) {
		if err != nil {
			return names, err
		}
		names = append(names, e.Object.Key)
	}
	return names, nil
}

// page is the inside of one page, as servers write it.
type page struct {
	keys, dirs []string
	next       string
	truncated  bool
	raw        string // the whole document, instead
	plain      bool   // encoding-type was ignored
}

func (p page) write(w http.ResponseWriter) {
	if p.raw != "" {
		io.WriteString(w, p.raw)
		return
	}
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`)
	if !p.plain {
		b.WriteString("<EncodingType>url</EncodingType>")
	}
	fmt.Fprintf(&b, "<IsTruncated>%v</IsTruncated>", p.truncated)
	if p.next != "" {
		fmt.Fprintf(&b, "<NextContinuationToken>%s</NextContinuationToken>", p.next)
	}
	for _, k := range p.keys {
		fmt.Fprintf(&b, "<Contents><Key>%s</Key><Size>1</Size><ETag>&quot;e&quot;</ETag><LastModified>2024-05-06T07:08:09.123Z</LastModified></Contents>", k)
	}
	for _, d := range p.dirs {
		fmt.Fprintf(&b, "<CommonPrefixes><Prefix>%s</Prefix></CommonPrefixes>", d)
	}
	b.WriteString("</ListBucketResult>")
	w.Header().Set("Content-Length", fmt.Sprint(b.Len()))
	io.WriteString(w, b.String())
}

func TestListPages(t *testing.T) {
	bad := s3backend.ErrBadAnswer
	rows := []struct {
		name   string
		prefix string
		pages  map[string]page // by token
		want   []string
		err    error
	}{
		{"empty", "", map[string]page{"": {}}, nil, nil},
		{"merged in order", "", map[string]page{"": {keys: []string{"a-b", "a0"}, dirs: []string{"a/"}}}, []string{"a-b", "a/", "a0"}, nil},
		{"marker included", "d/", map[string]page{"": {keys: []string{"d/", "d/x"}}}, []string{"d/", "d/x"}, nil},
		{"form rules", "", map[string]page{"": {keys: []string{"a+b%2Bc%25", "%01%0A%C3%A9%FF"}}}, []string{"a b+c%", "\x01\n\u00e9\xff"}, nil},
		{"encoding ignored", "", map[string]page{"": {plain: true, keys: []string{"a+b%25"}}}, []string{"a+b%25"}, nil},
		{"two pages", "", map[string]page{
			"":  {keys: []string{"a"}, truncated: true, next: "t"},
			"t": {keys: []string{"b"}},
		}, []string{"a", "b"}, nil},
		{"F35 without order", "", map[string]page{
			"":  {keys: []string{"z", "b"}, truncated: true, next: "t"},
			"t": {keys: []string{"a", "c"}},
		}, []string{"z", "b", "a", "c"}, nil},
		{"empty page between", "", map[string]page{
			"":  {keys: []string{"a"}, truncated: true, next: "t"},
			"t": {truncated: true, next: "u"},
			"u": {keys: []string{"b"}},
		}, []string{"a", "b"}, nil},
		{"F33 repeated prefixes and keys", "", map[string]page{
			"":  {keys: []string{"a"}, dirs: []string{"d/"}, truncated: true, next: "t"},
			"t": {keys: []string{"a", "b"}, dirs: []string{"d/", "e/"}},
		}, []string{"a", "d/", "b", "e/"}, nil},
		{"F33 truncated without token", "", map[string]page{"": {keys: []string{"a"}, truncated: true}}, nil, bad},
		{"F33 token twice", "", map[string]page{
			"":  {keys: []string{"a"}, truncated: true, next: "t"},
			"t": {keys: []string{"b"}, truncated: true, next: "t"},
		}, []string{"a"}, bad},
		{"F33 token loop", "", map[string]page{
			"":  {keys: []string{"a"}, truncated: true, next: "t"},
			"t": {keys: []string{"b"}, truncated: true, next: "u"},
			"u": {keys: []string{"c"}, truncated: true, next: "t"},
		}, []string{"a", "b"}, bad},
		{"key outside prefix", "d/", map[string]page{"": {keys: []string{"d/a", "e/b"}}}, nil, bad},
		{"key below a delimiter", "", map[string]page{"": {keys: []string{"a/b"}}}, nil, bad},
		{"prefix outside prefix", "d/", map[string]page{"": {dirs: []string{"e/"}}}, nil, bad},
		{"prefix two levels down", "", map[string]page{"": {dirs: []string{"e/f/"}}}, nil, bad},
		{"prefix itself as common prefix", "d/", map[string]page{"": {dirs: []string{"d/"}}}, nil, bad},
		{"F34 bad escape", "", map[string]page{"": {keys: []string{"a%ZZ"}}}, nil, bad},
		{"F34 control character in XML", "", map[string]page{"": {plain: true, keys: []string{"a\x01b"}}}, nil, bad},
		{"F34 cut XML", "", map[string]page{"": {raw: "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a"}}, nil, bad},
		{"F34 error document", "", map[string]page{"": {raw: "<Error><Code>InternalError</Code></Error>"}}, nil, s3backend.ErrUnavailable},
		{"F34 foreign document", "", map[string]page{"": {raw: "<Listing><Key>a</Key></Listing>"}}, nil, bad},
		{"F34 html", "", map[string]page{"": {raw: "<html><body><p>hello</body></html>"}}, nil, bad},
		{"F34 10 MB page", "", map[string]page{"": {keys: []string{"a"}, dirs: []string{strings.Repeat("x", 10<<20) + "/"}}}, nil, bad},
		{"page of another prefix", "d/", map[string]page{"": {raw: "<ListBucketResult><Prefix>e/</Prefix><IsTruncated>false</IsTruncated></ListBucketResult>"}}, nil, bad},
		{"negative size", "", map[string]page{"": {raw: "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a</Key><Size>-1</Size></Contents></ListBucketResult>"}}, nil, bad},
		{"size of no object", "", map[string]page{"": {raw: "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a</Key><Size>9223372036854775807</Size></Contents></ListBucketResult>"}}, nil, bad},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
				q := r.URL.Query()
				if q.Get("delimiter") != "/" || q.Get("encoding-type") != "url" || q.Get("list-type") != "2" || q.Get("prefix") != row.prefix {
					t.Errorf("asked %v", q)
				}
				row.pages[q.Get("continuation-token")].write(w)
			})
			c := f.client(t, func(o *s3backend.Options) {
				// A page of 10 MB is made within that on a busy machine, too.
				o.Retries, o.HeaderTimeout, o.StallTimeout = 2, 10*time.Second, 10*time.Second
			})
			got, err := entries(c, row.prefix, 0)
			if !slices.Equal(got, row.want) || !errors.Is(err, row.err) || (err == nil) != (row.err == nil) {
				t.Errorf("got %.200q, %v; want %q, %v", got, err, row.want, row.err)
			}
		})
	}
}

// F33: a page that fails is asked for again, and loses and repeats nothing.
func TestListRetriesPage(t *testing.T) {
	f := serve(t, func(w http.ResponseWriter, r *http.Request, n int) {
		switch {
		case n == 1:
			page{keys: []string{"a"}, truncated: true, next: "t"}.write(w)
		case n == 2:
			fail(w, 500, "InternalError")
		case n == 3:
			page{keys: []string{"b"}, dirs: []string{"outside"}}.write(w)
		case n == 4:
			io.WriteString(w, "<ListBucketResult><IsTruncated>fal")
			hangUp(w, true)
		default:
			page{keys: []string{"b", "c"}}.write(w)
		}
	})
	got, err := entries(f.client(t, func(o *s3backend.Options) { o.Retries = 5 }), "", 0)
	if err != nil || !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("got %q, %v", got, err)
	}
}

// F34: a page without end and without a length is given up, not kept in memory.
func TestListEndlessPage(t *testing.T) {
	sent := 0
	f := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		io.WriteString(w, "<ListBucketResult><IsTruncated>false</IsTruncated>")
		space := strings.Repeat(" ", 1<<20)
		for sent < 64<<20 {
			if _, err := io.WriteString(w, space); err != nil {
				return
			}
			sent += len(space)
		}
	})
	_, err := entries(f.client(t, func(o *s3backend.Options) {
		o.Retries, o.StallTimeout, o.RequestTimeout = 1, time.Minute, time.Minute
	}), "", 0)
	f.Close()
	if !errors.Is(err, s3backend.ErrBadAnswer) || sent > 32<<20 {
		t.Errorf("%v after %d bytes", err, sent)
	}
}

func TestListLimit(t *testing.T) {
	f := serve(t, func(w http.ResponseWriter, r *http.Request, n int) {
		if got, want := r.URL.Query().Get("max-keys"), fmt.Sprint(4-n); n <= 2 && got != want {
			t.Errorf("request %d: max-keys %s, want %s", n, got, want)
		}
		// A server that gives one at a time, and one that gives more than asked.
		if n == 1 {
			page{keys: []string{"a"}, truncated: true, next: "t"}.write(w)
		} else {
			page{keys: []string{"b", "c", "d"}, truncated: true, next: "u"}.write(w)
		}
	})
	got, err := entries(f.client(t), "", 3)
	if err != nil || !slices.Equal(got, []string{"a", "b", "c"}) || f.count() != 2 {
		t.Errorf("got %q, %v in %d requests", got, err, f.count())
	}
}

func TestListStops(t *testing.T) {
	f := serve(t, func(w http.ResponseWriter, r *http.Request, n int) {
		page{keys: []string{"a", "b"}, truncated: true, next: fmt.Sprint(n)}.write(w)
	})
	for range f.client(t).List(context.Background(), "", 0) {
		break
	}
	if f.count() != 1 {
		t.Errorf("%d requests after a loop that ended at the first entry", f.count())
	}
}

func TestListEntry(t *testing.T) {
	f := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		io.WriteString(w, `<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a</Key><Size>5497558138880</Size>`+
			`<LastModified>2024-05-06T07:08:09.987Z</LastModified><StorageClass>GLACIER</StorageClass></Contents></ListBucketResult>`)
	})
	for e, err := range f.client(t).List(context.Background(), "", 0) {
		if err != nil {
			t.Fatal(err)
		}
		o := e.Object
		if o.ETag != "" || o.Size != 5<<40 || !o.Archived() || e.Dir || o.ModTime.Nanosecond() != 0 || o.ModTime.Second() != 9 {
			t.Errorf("%+v", e)
		}
	}
}
