package s3backend_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// What stands between may say what it can decode itself: Google's front end adds
// "gzip(gfe)", others put their own, and leave the rest and the host as they are.
func TestSignatureBehindProxy(t *testing.T) {
	for _, tt := range []struct{ name, encoding string }{
		{"Google", "identity,gzip(gfe)"},
		{"dropped", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := s3test.NewMem()
			m.SetVersioning(true)
			obj := m.Put("dir/k", s3test.Coded(1, 1, 100))
			s, err := s3test.NewServer(m, s3test.ServerConfig{AccessKey: "AKIATESTTESTTESTTEST", SecretKey: canarySecret})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Close)
			c := newClient(t, s3backend.Options{Bucket: s.Bucket(), EndpointURL: between(t, s, tt.encoding), Region: "us-east-1", Retries: 1})

			body, err := c.Open(t.Context(), obj, 10, 50)
			if err != nil {
				t.Fatalf("Open: %v", err)
			}
			defer body.Close()
			if p, err := io.ReadAll(body); err != nil || s3test.CheckCoded(p, 10, 1, 1) != nil {
				t.Errorf("read %d bytes: %v", len(p), err)
			}
			if _, err := c.Head(t.Context(), "dir/k"); err != nil {
				t.Errorf("Head: %v", err)
			}
			for _, err := range c.List(t.Context(), "dir/", 0) {
				if err != nil {
					t.Errorf("List: %v", err)
				}
			}
			if kept, err := c.Versioning(t.Context()); err != nil || !kept {
				t.Errorf("Versioning: %v, %v", kept, err)
			}
		})
	}
}

// between returns the endpoint of a proxy before s that says it takes encoding.
func between(t *testing.T, s *s3test.Server, encoding string) string {
	t.Helper()
	to, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = r.In.Host
			if r.Out.Header.Del("Accept-Encoding"); encoding != "" {
				r.Out.Header.Set("Accept-Encoding", encoding)
			}
		},
	})
	t.Cleanup(proxy.Close)
	return proxy.URL
}

// Google Cloud Storage serves what is stored with Content-Encoding gzip decompressed,
// without a length and whatever range was asked for, to who does not take gzip.
func TestStoredEncodingAtGoogle(t *testing.T) {
	f := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		takesGzip := strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")
		switch {
		case r.URL.Query().Has("list-type"):
			if takesGzip {
				t.Error("a page may come compressed")
			}
			page{keys: []string{"k"}}.write(w)
		case takesGzip:
			w.Header().Set("Content-Encoding", "gzip")
			right(w, r)
		default:
			w.Header().Set("ETag", etag)
			w.(http.Flusher).Flush()
			w.Write(data)
			w.Write(data)
		}
	})
	o := f.quick()
	o.EndpointURL = "http://storage.googleapis.com"
	c := newClient(t, o.WithNet(lookupLoopback, dialTo(f.Listener.Addr().String())))
	got, err := read(c)
	checkBytes(t, got, err)
	if _, err := c.Head(t.Context(), "k"); err != nil {
		t.Errorf("Head: %v", err)
	}
	if _, err := entries(c, "", 0); err != nil {
		t.Errorf("List: %v", err)
	}
}
