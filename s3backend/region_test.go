package s3backend_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
)

// regional refuses what is signed for another region than eu-west-3.
func regional(status int, code string, inHeader bool) func(http.ResponseWriter, *http.Request, int) {
	return func(w http.ResponseWriter, r *http.Request, _ int) {
		if strings.Contains(r.Header.Get("Authorization"), "/eu-west-3/s3/") {
			page{keys: []string{"k"}}.write(w)
			return
		}
		if inHeader {
			w.Header().Set("X-Amz-Bucket-Region", "eu-west-3")
			fail(w, status, code)
			return
		}
		w.WriteHeader(status)
		fmt.Fprintf(w, "<Error><Code>%s</Code><Region>eu-west-3</Region></Error>", code)
	}
}

func TestRegionLearnt(t *testing.T) {
	for _, row := range []struct {
		status   int
		code     string
		inHeader bool
	}{
		{301, "PermanentRedirect", true},
		{307, "TemporaryRedirect", true},
		{400, "AuthorizationHeaderMalformed", true},
		{400, "AuthorizationHeaderMalformed", false},
	} {
		f := serve(t, regional(row.status, row.code, row.inHeader))
		c := f.client(t, func(o *s3backend.Options) { o.Region = "" })
		if first, _, err := c.Probe(context.Background(), "", 1000); err != nil || len(first) == 0 || c.SigningRegion() != "eu-west-3" {
			t.Errorf("%v: %v in %s", row, err, c.SigningRegion())
		}
		if f.count() != 2 {
			t.Errorf("%v: %d requests, want 2", row, f.count())
		}

		// A region that was configured is not silently replaced.
		c = f.client(t, func(o *s3backend.Options) { o.Region = "us-west-1" })
		_, _, err := c.Probe(context.Background(), "", 1000)
		if !errors.Is(err, s3backend.ErrRegion) || !strings.Contains(err.Error(), "eu-west-3") {
			t.Errorf("%v, configured otherwise: %v", row, err)
		}
	}
}

// What is asked at once before the region is known, as by the first look through a lazy
// mount, is all asked again where the bucket lies, whoever was told first.
func TestRegionLearntUnderConcurrency(t *testing.T) {
	for _, inHeader := range []bool{true, false} {
		const callers = 4
		var refused sync.WaitGroup // released once all callers were refused
		refused.Add(callers)
		refuse := regional(400, "AuthorizationHeaderMalformed", inHeader)
		f := serve(t, func(w http.ResponseWriter, r *http.Request, n int) {
			if n <= callers {
				refused.Done()
				refused.Wait()
			}
			if r.URL.Query().Has("list-type") || !strings.Contains(r.Header.Get("Authorization"), "/eu-west-3/s3/") {
				refuse(w, r, n)
				return
			}
			right(w, r)
		})
		c := f.client(t, func(o *s3backend.Options) { o.Region, o.Lazy = "", true })
		var all sync.WaitGroup
		for i := range callers {
			all.Go(func() {
				var err error
				if i%2 == 0 {
					_, err = c.Head(t.Context(), "k")
				} else {
					_, err = entries(c, "", 1)
				}
				if err != nil {
					t.Errorf("in header %v: %v", inHeader, err)
				}
			})
		}
		all.Wait()
	}
}

func TestRegionSources(t *testing.T) {
	t.Setenv("AWS_REGION", "ap-south-1")
	for in, want := range map[string]string{"": "ap-south-1", "sa-east-1": "sa-east-1"} {
		c := newClient(t, s3backend.Options{Bucket: "b", Region: in})
		if got := c.SigningRegion(); got != want {
			t.Errorf("region %q: %s, want %s", in, got, want)
		}
	}
	c := newClient(t, s3backend.Options{Bucket: "arn:aws:s3:eu-central-1:123456789012:accesspoint/ap"})
	if got := c.SigningRegion(); got != "eu-central-1" {
		t.Errorf("access point: %s", got)
	}
}

// Without a region, S3 is asked, and a failure of that is no failure of New.
func TestRegionDiscovery(t *testing.T) {
	hosts := &recorder{}
	c := newClient(t, s3backend.Options{Bucket: "bucket"}.WithNet(hosts.lookup, nil))
	if hosts.last() != "bucket.s3.us-east-1.amazonaws.com" && hosts.last() != "bucket.s3.amazonaws.com" || c.SigningRegion() != "us-east-1" {
		t.Errorf("asked %q, region %s", hosts.last(), c.SigningRegion())
	}
}

func TestProbe(t *testing.T) {
	answer := func(status int, code string) func(http.ResponseWriter, *http.Request, int) {
		return func(w http.ResponseWriter, r *http.Request, _ int) { fail(w, status, code) }
	}
	rows := []struct {
		name    string
		handler func(http.ResponseWriter, *http.Request, int)
		empty   bool
		want    error
	}{
		{"full", func(w http.ResponseWriter, r *http.Request, _ int) { page{dirs: []string{"d/"}}.write(w) }, false, nil},
		{"empty", func(w http.ResponseWriter, r *http.Request, _ int) { page{}.write(w) }, true, nil},
		{"no bucket", answer(404, "NoSuchBucket"), false, s3backend.ErrNoBucket},
		{"not S3", func(w http.ResponseWriter, r *http.Request, _ int) { http.NotFound(w, r) }, false, s3backend.ErrNoBucket},
		{"denied", answer(403, "AccessDenied"), false, fs.ErrPermission},
		{"unknown key", answer(403, "InvalidAccessKeyId"), false, s3backend.ErrCredentials},
		{"wrong secret", answer(403, "SignatureDoesNotMatch"), false, s3backend.ErrCredentials},
		{"expired", answer(400, "ExpiredToken"), false, s3backend.ErrCredentials},
		{"region", answer(301, "PermanentRedirect"), false, s3backend.ErrRegion},
		{"down", answer(503, "ServiceUnavailable"), false, s3backend.ErrUnavailable},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, row.handler)
			first, _, err := f.client(t).Probe(context.Background(), "", 1000)
			if empty := err == nil && len(first) == 0; empty != row.empty || !errors.Is(err, row.want) || (err == nil) != (row.want == nil) {
				t.Errorf("%v, %v; want empty %v, %v", first, err, row.empty, row.want)
			}
		})
	}
}

// Nobody listens: the mount's time-out comes before the request's, and the error
// says what is wrong and not that time passed.
func TestProbeUnreachable(t *testing.T) {
	f := serve(t, func(http.ResponseWriter, *http.Request, int) {})
	c := f.client(t, func(o *s3backend.Options) { o.Retries = 100 })
	f.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	_, _, err := c.Probe(ctx, "", 1000)
	if !errors.Is(err, s3backend.ErrUnavailable) || !strings.Contains(err.Error(), "connect") {
		t.Errorf("error %v", err)
	}
	ctx, cancel = context.WithCancel(context.Background())
	cancel()
	if _, _, err := c.Probe(ctx, "", 1000); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestLazyAsksNobody: where the region would be asked for, a lazy client is made without
// a word to anybody, and one that is not is not.
func TestLazyAsksNobody(t *testing.T) {
	for _, lazy := range []bool{true, false} {
		inBubble(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
			w.WriteHeader(http.StatusForbidden)
		}, func(t *testing.T, b *bubble, _ *s3backend.Client) {
			if asked := len(b.addresses()) > 0; asked == lazy {
				t.Errorf("lazy %v: the network was asked: %v", lazy, asked)
			}
		}, func(o *s3backend.Options) { o.EndpointURL, o.Region, o.ForcePathStyle, o.Lazy = "", "", false, lazy })
	}
}
