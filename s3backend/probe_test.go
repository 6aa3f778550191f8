package s3backend_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
)

// TestProbeAsksForLess: a page of names is a guess. What is refused, cannot be read,
// fails or tells nothing as a page is asked for as a key, which decides, also where a
// question has one attempt only.
func TestProbeAsksForLess(t *testing.T) {
	key := func(w http.ResponseWriter) { page{keys: []string{"k"}, next: "t", truncated: true}.write(w) }
	refused := false
	skewed := func(w http.ResponseWriter) {
		w.Header().Set("Date", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
		if refused = !refused; refused {
			fail(w, 403, "RequestTimeTooSkewed")
		} else {
			page{keys: []string{"a", "b"}}.write(w)
		}
	}
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
		{"throttled as a page", 1000, func(w http.ResponseWriter) { fail(w, 429, "SlowDown") }, key, []string{"1000", "1"}, 1, false, nil},
		{"signed by a wrong clock", 1000, skewed, nil, []string{"1000", "1000"}, 2, true, nil}, // no fault of the page
		{"a key", 1, nil, key, []string{"1"}, 1, false, nil},
	} {
		for _, retries := range []int{3, 1} {
			t.Run(fmt.Sprintf("%s, %d attempts", row.name, retries), func(t *testing.T) {
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
				first, whole, err := f.client(t, func(o *s3backend.Options) { o.Retries = retries }).Probe(context.Background(), "", row.limit)
				if len(first) != row.names || whole != row.whole || !errors.Is(err, row.err) {
					t.Errorf("%d names, whole %v, %v", len(first), whole, err)
				}
				if !slices.Equal(asked, row.asked) {
					t.Errorf("asked for %q, want %q", asked, row.asked)
				}
			})
		}
	}
}

// TestProbeOfASlowServer: a page that does not come leaves a key all the time that an only
// attempt has.
func TestProbeOfASlowServer(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		if r.URL.Query().Get("max-keys") != "1" {
			<-r.Context().Done()
			return
		}
		select {
		case <-time.After(8 * time.Second):
			page{keys: []string{"k"}}.write(w)
		case <-r.Context().Done():
		}
	}, func(t *testing.T, _ *bubble, c *s3backend.Client) {
		start := time.Now()
		first, _, err := c.Probe(t.Context(), "", 1000)
		if took := time.Since(start); len(first) != 1 || err != nil || took > 14*time.Second {
			t.Errorf("%d names after %v, %v", len(first), took, err)
		}
	}, func(o *s3backend.Options) { o.Retries = 1 })
}
