package s3backend_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
)

func readObject(c *s3backend.Client, obj s3backend.Object) ([]byte, error) {
	body, err := c.Open(context.Background(), obj, off, n)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}

// A body that breaks in its middle is resumed at the byte reached, of the same
// version, and of no other.
func TestResume(t *testing.T) {
	var ranges, matches []string
	f := serve(t, func(w http.ResponseWriter, r *http.Request, n int) {
		ranges = append(ranges, r.Header.Get("Range"))
		matches = append(matches, r.Header.Get("If-Match"))
		body := header(w, r)
		w.WriteHeader(http.StatusPartialContent)
		if n < 4 {
			w.Write(body[:1000*n])
			hangUp(w, false)
			return
		}
		w.Write(body)
	})
	got, err := read(f.client(t, func(o *s3backend.Options) { o.Retries = 10 }))
	checkBytes(t, got, err)
	if want := []string{"bytes=1000-100999", "bytes=2000-100999", "bytes=4000-100999", "bytes=7000-100999"}; !slices.Equal(ranges, want) {
		t.Errorf("asked %v, want %v", ranges, want)
	}
	if slices.ContainsFunc(matches, func(m string) bool { return m != etag }) {
		t.Errorf("If-Match %v", matches)
	}
}

// The version goes away between two halves of a body: ErrChanged from Read, with
// the bytes before it right; whether the server honours If-Match or not.
func TestChangedInTheMiddle(t *testing.T) {
	for name, second := range map[string]func(http.ResponseWriter, *http.Request){
		"412": func(w http.ResponseWriter, r *http.Request) { fail(w, 412, "PreconditionFailed") },
		"404": func(w http.ResponseWriter, r *http.Request) { fail(w, 404, "NoSuchKey") },
		"416": func(w http.ResponseWriter, r *http.Request) { fail(w, 416, "InvalidRange") },
		"ETag": func(w http.ResponseWriter, r *http.Request) {
			header(w, r)
			w.Header().Set("ETag", `"new"`)
			w.WriteHeader(206)
			w.Write(make([]byte, n))
		},
	} {
		// The same for an object whose ETag is known from the first answer only.
		for _, obj := range []s3backend.Object{object, {Key: object.Key, Size: object.Size}} {
			f := serve(t, func(w http.ResponseWriter, r *http.Request, i int) {
				if i > 1 {
					if r.Header.Get("If-Match") != etag {
						t.Errorf("%s: If-Match %q", name, r.Header.Get("If-Match"))
					}
					second(w, r)
					return
				}
				body := header(w, r)
				w.WriteHeader(206)
				w.Write(body[:n/2])
				hangUp(w, false)
			})
			got, err := readObject(f.client(t), obj)
			if !errors.Is(err, s3backend.ErrChanged) || !bytes.Equal(got, data[off:off+n/2]) {
				t.Errorf("%s: %v after %d bytes", name, err, len(got))
			}
		}
	}
}

// The whole object is right with status 200 too, when its size is.
func TestWholeWithout206(t *testing.T) {
	for _, row := range []struct {
		size int
		etag string
		want error
	}{
		{objectSize, etag, nil},
		{objectSize + 1, etag, s3backend.ErrBadAnswer},
		{objectSize, `"other"`, s3backend.ErrChanged},
	} {
		f := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
			w.Header().Set("ETag", row.etag)
			w.Header().Set("Content-Length", strconv.Itoa(row.size))
			w.Write(content(row.size))
		})
		body, err := f.client(t).Open(context.Background(), object, 0, objectSize)
		if !errors.Is(err, row.want) {
			t.Errorf("%v: %v", row, err)
		}
		if err == nil {
			if got, err := io.ReadAll(body); err != nil || !bytes.Equal(got, data) {
				t.Errorf("%v: %v", row, err)
			}
			body.Close()
		}
	}
}

// A version id is asked for where known; where only the plain key may be read,
// that is tried once and remembered.
func TestVersionID(t *testing.T) {
	var asked []string
	allowed := true
	f := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		id := r.URL.Query().Get("versionId")
		asked = append(asked, id)
		if id != "" && !allowed {
			fail(w, 403, "AccessDenied")
			return
		}
		right(w, r)
	})
	obj := object
	obj.VersionID = "v7"
	got, err := readObject(f.client(t), obj)
	checkBytes(t, got, err)
	allowed = false
	c := f.client(t)
	for range 2 {
		got, err = readObject(c, obj)
		checkBytes(t, got, err)
	}
	if want := []string{"v7", "v7", "", ""}; !slices.Equal(asked, want) {
		t.Errorf("asked for versions %q, want %q", asked, want)
	}
}

// The id that the first answer names carries a body over an overwrite in its
// middle, and is handed on.
func TestResumesByLearntVersion(t *testing.T) {
	f := serve(t, func(w http.ResponseWriter, r *http.Request, i int) {
		switch id := r.URL.Query().Get("versionId"); {
		case i == 1:
			w.Header().Set("X-Amz-Version-Id", "v7")
			body := header(w, r)
			w.WriteHeader(206)
			w.Write(body[:n/2])
			hangUp(w, false)
		case id == "":
			fail(w, 412, "PreconditionFailed")
		case id != "v7" || r.Header.Get("If-Match") != etag:
			t.Errorf("asked for version %q, If-Match %q", id, r.Header.Get("If-Match"))
		default:
			right(w, r)
		}
	})
	body, err := f.client(t).Open(context.Background(), object, off, n)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	got, err := io.ReadAll(body)
	checkBytes(t, got, err)
	if v, ok := body.(s3backend.VersionedBody); !ok || v.VersionID() != "v7" || f.count() != 2 {
		t.Errorf("version %v, %d requests", v, f.count())
	}
}

// A version that was deleted for good is read from the current one while that has
// the same bytes, and is gone otherwise.
func TestVersionDeletedForGood(t *testing.T) {
	current := etag
	f := serve(t, func(w http.ResponseWriter, r *http.Request, i int) {
		switch {
		case r.URL.Query().Get("versionId") != "":
			fail(w, 404, "NoSuchVersion")
		case current != r.Header.Get("If-Match"):
			fail(w, 412, "PreconditionFailed")
		default:
			right(w, r)
		}
	})
	c, obj := f.client(t), object
	obj.VersionID = "v7"
	got, err := readObject(c, obj)
	checkBytes(t, got, err)
	current = `"other"`
	if _, err = readObject(c, obj); !errors.Is(err, s3backend.ErrChanged) {
		t.Errorf("%v, want %v", err, s3backend.ErrChanged)
	}
	if f.count() != 4 {
		t.Errorf("%d requests, want 4", f.count())
	}
}

// Connections are used again: F90, and what keeps small reads cheap.
func TestKeepsConnection(t *testing.T) {
	ports := map[string]bool{}
	f := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		ports[r.RemoteAddr] = true
		right(w, r)
	})
	c := f.client(t)
	for range 20 {
		got, err := read(c)
		checkBytes(t, got, err)
	}
	if len(ports) != 1 {
		t.Errorf("20 reads used %d connections", len(ports))
	}
}

// F38: a kept connection that the server closed meanwhile costs one request
// more at most, and nothing fails.
func TestDeadKeptConnection(t *testing.T) {
	f := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) { right(w, r) })
	c := f.client(t)
	for range 5 {
		got, err := read(c)
		checkBytes(t, got, err)
		f.CloseClientConnections()
	}
}

// A server without ETags cannot say that the rest is of the same version.
func TestNoResumeWithoutETag(t *testing.T) {
	f := serve(t, func(w http.ResponseWriter, r *http.Request, i int) {
		body := header(w, r)
		w.Header().Del("ETag")
		w.WriteHeader(206)
		if i > 1 {
			w.Write(body)
			return
		}
		w.Write(body[:n/2])
		hangUp(w, false)
	})
	obj := object
	obj.ETag = ""
	c := f.client(t)
	got, err := readObject(c, obj)
	if !errors.Is(err, s3backend.ErrUnavailable) || !bytes.Equal(got, data[off:off+n/2]) || f.count() != 1 {
		t.Errorf("%v after %d bytes and %d requests", err, len(got), f.count())
	}
	got, err = readObject(c, obj)
	checkBytes(t, got, err)
}

// Readers that are cancelled or closed at any moment hurt nobody else, and leave
// nothing behind (see TestMain).
func TestCloseAnyTime(t *testing.T) {
	f := serve(t, func(w http.ResponseWriter, r *http.Request, i int) {
		body := header(w, r)
		w.WriteHeader(206)
		w.Write(body[:len(body)/3])
		w.(http.Flusher).Flush()
		if i%5 == 0 {
			hangUp(w, i%2 == 0)
			return
		}
		w.Write(body[len(body)/3:])
	})
	c := f.client(t, func(o *s3backend.Options) { o.Retries, o.StallTimeout = 20, 5*time.Second })
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			body, err := c.Open(ctx, object, off, n)
			if err != nil {
				t.Error(err)
				return
			}
			defer body.Close()
			switch i % 3 {
			case 1:
				time.AfterFunc(time.Duration(i)*20*time.Microsecond, cancel)
			case 2:
				time.AfterFunc(time.Duration(i)*20*time.Microsecond, func() { body.Close() })
			}
			got, err := io.ReadAll(body)
			if !bytes.Equal(got, data[off:off+len(got)]) {
				t.Error("wrong bytes")
			}
			switch {
			case err == nil && len(got) == n:
			case i%3 == 1 && errors.Is(err, context.Canceled):
			case i%3 == 2 && errors.Is(err, fs.ErrClosed):
			default:
				t.Errorf("reader %d: %v after %d bytes", i, err, len(got))
			}
		})
	}
	wg.Wait()
}
