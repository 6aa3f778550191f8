package s3backend_test

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"slices"
	"testing"

	"github.com/zs3fs/zs3fs/s3backend"
)

// TestProbeAsksForLess: a page of names is a guess. What is refused, cannot be read,
// fails or tells nothing as a page is asked for as a key, which decides.
func TestProbeAsksForLess(t *testing.T) {
	key := func(w http.ResponseWriter) { page{keys: []string{"k"}, next: "t", truncated: true}.write(w) }
	for _, row := range []struct {
		name  string
		limit int
		page  func(w http.ResponseWriter) // the answer to a page
		key   func(w http.ResponseWriter)
		asked []string // max-keys
		names int
		whole bool
		err   error
	}{
		{"whole", 1000, func(w http.ResponseWriter) { page{keys: []string{"a", "b"}, dirs: []string{"d/"}}.write(w) }, nil, []string{"1000"}, 3, true, nil},
		{"more", 1000, func(w http.ResponseWriter) { page{keys: []string{"a", "b"}, next: "t", truncated: true}.write(w) }, nil, []string{"1000"}, 2, false, nil},
		{"empty", 1000, func(w http.ResponseWriter) { page{}.write(w) }, nil, []string{"1000"}, 0, true, nil},
		{"a page of nothing", 1000, func(w http.ResponseWriter) { page{next: "t", truncated: true}.write(w) }, key, []string{"1000", "1"}, 1, false, nil},
		{"refused as a page", 1000, func(w http.ResponseWriter) { fail(w, 403, "AccessDenied") }, key, []string{"1000", "1"}, 1, false, nil},
		{"refused", 1000, func(w http.ResponseWriter) { fail(w, 403, "AccessDenied") }, func(w http.ResponseWriter) { fail(w, 403, "AccessDenied") }, []string{"1000", "1"}, 0, false, fs.ErrPermission},
		{"no XML", 1000, func(w http.ResponseWriter) {
			page{raw: "<ListBucketResult><IsTruncated>false</IsTruncated>\x00"}.write(w)
		}, key, []string{"1000", "1"}, 1, false, nil},
		{"unknown as a page", 1000, func(w http.ResponseWriter) { fail(w, 501, "NotImplemented") }, key, []string{"1000", "1"}, 1, false, nil},
		{"fails as a page", 1000, func(w http.ResponseWriter) { fail(w, 500, "InternalError") }, key, []string{"1000", "1"}, 1, false, nil},
		{"no bucket", 1000, func(w http.ResponseWriter) { fail(w, 404, "NoSuchBucket") }, nil, []string{"1000"}, 0, false, s3backend.ErrNoBucket},
		{"a key", 1, nil, key, []string{"1"}, 1, false, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			var asked []string
			f := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
				n := r.URL.Query().Get("max-keys")
				asked = append(asked, n)
				if n == "1" {
					row.key(w)
				} else {
					row.page(w)
				}
			})
			first, whole, err := f.client(t).Probe(context.Background(), "", row.limit)
			if len(first) != row.names || whole != row.whole || !errors.Is(err, row.err) {
				t.Errorf("%d names, whole %v, %v", len(first), whole, err)
			}
			if !slices.Equal(asked, row.asked) {
				t.Errorf("asked for %q, want %q", asked, row.asked)
			}
		})
	}
}
