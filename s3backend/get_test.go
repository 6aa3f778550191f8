package s3backend_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"testing"

	"github.com/zs3fs/zs3fs/s3backend"
)

const off, n = 1000, 100_000

// read opens and reads the range that all rows ask for.
func read(c *s3backend.Client) ([]byte, error) {
	body, err := c.Open(context.Background(), object, off, n)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}

// TestAnswers goes through the answers that the SDK lets through, and the faults
// of a server: each is met by right bytes after all, or by the right error, and
// never by wrong bytes.
func TestAnswers(t *testing.T) {
	type handler = func(w http.ResponseWriter, r *http.Request)
	document := `<?xml version="1.0"?><Error><Code>InternalError</Code></Error>`
	once := func(h handler) func(http.ResponseWriter, *http.Request, int) {
		return func(w http.ResponseWriter, r *http.Request, n int) {
			if n == 1 {
				h(w, r)
			} else {
				right(w, r)
			}
		}
	}
	with := func(key, value string) handler {
		return func(w http.ResponseWriter, r *http.Request) {
			body := header(w, r)
			w.Header().Set(key, value)
			w.WriteHeader(http.StatusPartialContent)
			w.Write(body)
		}
	}
	cut := func(length, reset bool) handler {
		return func(w http.ResponseWriter, r *http.Request) {
			body := header(w, r)
			if !length {
				w.Header().Del("Content-Length")
			}
			w.WriteHeader(http.StatusPartialContent)
			w.Write(body[:len(body)/2])
			hangUp(w, reset)
		}
	}
	status := func(code int, name string) handler {
		return func(w http.ResponseWriter, r *http.Request) { fail(w, code, name) }
	}
	rows := []struct {
		name string
		bad  handler
		want error // of a server that never answers otherwise
		// final: nothing is tried again, so the error stands after one request.
		final bool
	}{
		{"right", right, nil, false},
		{"F1 500", status(500, "InternalError"), s3backend.ErrUnavailable, false},
		{"F1 502 html", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(502)
			io.WriteString(w, "<html><body>Bad <b>Gateway</body>")
		}, s3backend.ErrUnavailable, false},
		{"F1 504 empty", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(504) }, s3backend.ErrUnavailable, false},
		{"F2 slow down", status(503, "SlowDown"), s3backend.ErrThrottled, false},
		{"F4 cut, with length", cut(true, false), s3backend.ErrUnavailable, false},
		{"F5 cut, chunked", cut(false, false), s3backend.ErrUnavailable, false},
		{"F5 short, chunked, clean end", func(w http.ResponseWriter, r *http.Request) {
			body := header(w, r)
			w.Header().Del("Content-Length")
			w.WriteHeader(http.StatusPartialContent)
			w.Write(body[:len(body)/2])
			w.(http.Flusher).Flush()
		}, s3backend.ErrUnavailable, false},
		{"F22 reset in the body", cut(true, true), s3backend.ErrUnavailable, false},
		{"F22 reset before the header", func(w http.ResponseWriter, r *http.Request) { hangUp(w, true) }, s3backend.ErrUnavailable, false},
		{"F22 closed before the header", func(w http.ResponseWriter, r *http.Request) { hangUp(w, false) }, s3backend.ErrUnavailable, false},
		{"F6 shorter range", func(w http.ResponseWriter, r *http.Request) {
			body := header(w, r)
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", off, off+49_999, objectSize))
			w.Header().Set("Content-Length", "50000")
			w.WriteHeader(http.StatusPartialContent)
			w.Write(body[:50_000])
		}, s3backend.ErrBadAnswer, false},
		{"F6 another range", with("Content-Range", fmt.Sprintf("bytes 0-%d/%d", n-1, objectSize)), s3backend.ErrBadAnswer, false},
		{"F6 negative range", with("Content-Range", "bytes -1000-100999/262144"), s3backend.ErrBadAnswer, false},
		{"F6 unknown total", with("Content-Range", fmt.Sprintf("bytes %d-%d/*", off, off+n-1)), s3backend.ErrBadAnswer, false},
		{"F6 another total", with("Content-Range", fmt.Sprintf("bytes %d-%d/%d", off, off+n-1, objectSize+1)), s3backend.ErrChanged, true},
		{"F7 no range", func(w http.ResponseWriter, r *http.Request) {
			body := header(w, r)
			w.Header().Del("Content-Range")
			w.WriteHeader(http.StatusPartialContent)
			w.Write(body)
		}, s3backend.ErrBadAnswer, false},
		{"F7 whole object", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", etag)
			w.Write(data)
		}, s3backend.ErrBadAnswer, false},
		{"F8 document with 200", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, document)
		}, s3backend.ErrBadAnswer, false},
		{"F8 document with 206", func(w http.ResponseWriter, r *http.Request) {
			header(w, r)
			w.Header().Set("Content-Length", fmt.Sprint(len(document)))
			w.WriteHeader(http.StatusPartialContent)
			io.WriteString(w, document)
		}, s3backend.ErrBadAnswer, false},
		{"no ETag", func(w http.ResponseWriter, r *http.Request) {
			body := header(w, r)
			w.Header().Del("ETag")
			w.WriteHeader(http.StatusPartialContent)
			w.Write(body)
		}, s3backend.ErrBadAnswer, false},
		{"F9 412", status(412, "PreconditionFailed"), s3backend.ErrChanged, true},
		{"F10 another ETag", with("ETag", `"other"`), s3backend.ErrChanged, true},
		{"F13 416", status(416, "InvalidRange"), s3backend.ErrChanged, true},
		{"F16 404", status(404, "NoSuchKey"), s3backend.ErrChanged, true},
		{"F18 403", status(403, "AccessDenied"), fs.ErrPermission, true},
		{"F32 archived", status(403, "InvalidObjectState"), s3backend.ErrArchived, true},
		{"no bucket", status(404, "NoSuchBucket"), s3backend.ErrNoBucket, true},
		{"F29 another host", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "http://127.0.0.2:1"+r.URL.Path)
			w.WriteHeader(307)
		}, s3backend.ErrBadAnswer, true},
		{"F29 downgrade to another scheme", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "ftp://"+r.Host+r.URL.Path)
			w.WriteHeader(308)
		}, s3backend.ErrBadAnswer, true},
		{"302", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(302)
		}, s3backend.ErrBadAnswer, true},
		{"F31 stored gzip", with("Content-Encoding", "gzip"), nil, false},
		{"F38 HTTP/1.0", func(w http.ResponseWriter, r *http.Request) {
			conn, buf, _ := w.(http.Hijacker).Hijack()
			first, last := asked(r)
			fmt.Fprintf(buf, "HTTP/1.0 206 Partial Content\r\nETag: %s\r\nContent-Range: bytes %d-%d/%d\r\nContent-Length: %d\r\n\r\n", etag, first, last, objectSize, last+1-first)
			buf.Write(data[first : last+1])
			buf.Flush()
			conn.Close()
		}, nil, false},
		{"HTTP/1.0 without a length", func(w http.ResponseWriter, r *http.Request) {
			conn, buf, _ := w.(http.Hijacker).Hijack()
			first, last := asked(r)
			fmt.Fprintf(buf, "HTTP/1.0 206 Partial Content\r\nETag: %s\r\nContent-Range: bytes %d-%d/%d\r\n\r\n", etag, first, last, objectSize)
			buf.Write(data[first : last+1])
			buf.Flush()
			conn.Close()
		}, s3backend.ErrBadAnswer, false},
		{"F38 close after each answer", with("Connection", "close"), nil, false},
		{"extra bytes, no length", func(w http.ResponseWriter, r *http.Request) {
			body := header(w, r)
			w.Header().Del("Content-Length")
			w.WriteHeader(http.StatusPartialContent)
			w.Write(body)
			io.WriteString(w, "and more")
		}, s3backend.ErrBadAnswer, false},
		{"garbage", func(w http.ResponseWriter, r *http.Request) {
			conn, buf, _ := w.(http.Hijacker).Hijack()
			buf.WriteString("SSH-2.0-OpenSSH_9.9\r\n")
			buf.Flush()
			conn.Close()
		}, s3backend.ErrUnavailable, false},
		{"endless header", func(w http.ResponseWriter, r *http.Request) {
			conn, buf, _ := w.(http.Hijacker).Hijack()
			fmt.Fprintf(buf, "HTTP/1.1 206 Partial Content\r\nX: %s\r\n\r\n", strings.Repeat("x", 100_000))
			buf.Flush()
			conn.Close()
		}, s3backend.ErrUnavailable, false},
		{"endless error document", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(500)
			for i := 0; i < 1000; i++ {
				if _, err := w.Write(bytes.Repeat([]byte("<!-- -->"), 1000)); err != nil {
					return
				}
			}
		}, s3backend.ErrUnavailable, false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			t.Run("once", func(t *testing.T) {
				f := serve(t, once(row.bad))
				got, err := read(f.client(t))
				if row.final {
					if !errors.Is(err, row.want) {
						t.Fatalf("error %v, want %v", err, row.want)
					}
					if f.count() != 1 {
						t.Errorf("%d requests, want 1", f.count())
					}
					return
				}
				if err != nil || !bytes.Equal(got, data[off:off+n]) {
					t.Fatalf("error %v, bytes right: %v", err, bytes.Equal(got, data[off:off+n]))
				}
			})
			t.Run("always", func(t *testing.T) {
				f := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) { row.bad(w, r) })
				got, err := read(f.client(t))
				if row.want == nil {
					if err != nil || !bytes.Equal(got, data[off:off+n]) {
						t.Fatalf("error %v, bytes right: %v", err, bytes.Equal(got, data[off:off+n]))
					}
					return
				}
				if !errors.Is(err, row.want) {
					t.Fatalf("error %v, want %v", err, row.want)
				}
				var op *s3backend.OpError
				if !errors.As(err, &op) || op.Key != object.Key {
					t.Fatalf("%T is not an OpError of the key", err)
				}
				if !bytes.Equal(got, data[off:off+len(got)]) {
					t.Error("wrong bytes before the error")
				}
			})
		})
	}
}
