package s3backend_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
)

// Where versions may not be listed, nobody asks again for a while, for whatever key;
// a bucket may be given versions, and a user leave to list them.
func TestFormerVersionRefused(t *testing.T) {
	for _, refusal := range []struct {
		status int
		code   string
	}{{403, "AccessDenied"}, {501, "NotImplemented"}, {405, "MethodNotAllowed"}, {404, "NotFound"}} {
		asked := 0
		inBubble(t, replaced(&asked, func(w http.ResponseWriter) { fail(w, refusal.status, refusal.code) }), func(t *testing.T, _ *bubble, c *s3backend.Client) {
			for _, at := range []time.Duration{0, time.Minute, 3 * time.Minute, 2 * time.Minute} {
				time.Sleep(at)
				for i := range 5 {
					obj := object
					obj.Key += fmt.Sprint(i)
					if _, err := c.Open(t.Context(), obj, off, n); !errors.Is(err, s3backend.ErrChanged) {
						t.Errorf("%v, want %v", err, s3backend.ErrChanged)
					}
				}
			}
			if asked != 2 {
				t.Errorf("%+v: asked for versions %d times", refusal, asked)
			}
			if _, err := c.Trouble(); err != nil {
				t.Errorf("%+v: %v", refusal, err)
			}
		})
	}
}

// A server that fails at this question only is not away, nobody knows that the version is
// gone, and it is not asked for each block.
func TestFormerVersionFails(t *testing.T) {
	asked := 0
	inBubble(t, replaced(&asked, func(w http.ResponseWriter) { fail(w, 500, "InternalError") }), func(t *testing.T, _ *bubble, c *s3backend.Client) {
		for i := range 2 {
			began := time.Now()
			for range 20 {
				if _, err := c.Open(t.Context(), object, off, n); !errors.Is(err, s3backend.ErrUnavailable) || errors.Is(err, s3backend.ErrChanged) {
					t.Errorf("%v, want %v", err, s3backend.ErrUnavailable)
				}
			}
			if took := time.Since(began); took > time.Second || asked != 3*(i+1) {
				t.Errorf("asked for versions %d times, %v", asked, took)
			}
			if _, err := c.Trouble(); err != nil {
				t.Error(err)
			}
			time.Sleep(5 * time.Second)
		}
	})
}

// A wrong answer about one key says nothing of the others, and is not asked for again soon.
func TestFormerVersionWrongAnswer(t *testing.T) {
	for name, wrong := range map[string]struct {
		answer   func(w http.ResponseWriter)
		attempts int
	}{
		"a portal's page": {func(w http.ResponseWriter) { fmt.Fprint(w, "<html><body>Welcome<br></html>") }, 3},
		"refused":         {func(w http.ResponseWriter) { fail(w, 400, "InvalidArgument") }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			inBubble(t, replaced(&asked, wrong.answer), func(t *testing.T, _ *bubble, c *s3backend.Client) {
				for range 3 {
					for i := range 5 {
						obj := object
						obj.Key += fmt.Sprint(i)
						if _, err := c.Open(t.Context(), obj, off, n); !errors.Is(err, s3backend.ErrChanged) {
							t.Errorf("%v, want %v", err, s3backend.ErrChanged)
						}
					}
				}
				if asked != 5*wrong.attempts {
					t.Errorf("asked for versions %d times", asked)
				}
			})
		})
	}
}

// versionsPage is a page of versions of object, with others behind it if there are more.
func versionsPage(w io.Writer, o s3backend.Object, id string, more bool) {
	fmt.Fprintf(w, `<ListVersionsResult><IsTruncated>%v</IsTruncated><NextKeyMarker>%s</NextKeyMarker><NextVersionIdMarker>%s</NextVersionIdMarker>`+
		`<Version><Key>%s</Key><VersionId>%s</VersionId><LastModified>2026-01-02T03:04:05Z</LastModified><ETag>%s</ETag><Size>%d</Size></Version></ListVersionsResult>`,
		more, o.Key, id, o.Key, id, o.ETag, o.Size)
}

// When the time ends while it is read by its id, the version is slow and not gone.
func TestFormerVersionSlow(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		switch q := r.URL.Query(); {
		case q.Has("versions"):
			time.Sleep(9 * time.Second)
			versionsPage(w, object, "id", false)
		case q.Has("versionId"):
			<-r.Context().Done()
		default:
			fail(w, 412, "PreconditionFailed")
		}
	}, func(t *testing.T, b *bubble, c *s3backend.Client) {
		_, err := c.Open(t.Context(), object, off, n)
		if !errors.Is(err, s3backend.ErrUnavailable) || errors.Is(err, s3backend.ErrChanged) || b.requests() < 3 {
			t.Errorf("%v after %d requests, want %v", err, b.requests(), s3backend.ErrUnavailable)
		}
	}, func(o *s3backend.Options) { o.RequestTimeout = 10 * time.Second })
}

// One question has one request's time, however many pages it takes.
func TestFormerVersionSlowPages(t *testing.T) {
	var asked atomic.Int32
	inBubble(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		if !r.URL.Query().Has("versions") {
			fail(w, 412, "PreconditionFailed")
			return
		}
		time.Sleep(8 * time.Second)
		other := object
		other.ETag = `"another"`
		versionsPage(w, other, fmt.Sprint("id", asked.Add(1)), true)
	}, func(t *testing.T, _ *bubble, c *s3backend.Client) {
		if _, err := c.Open(t.Context(), object, off, n); !errors.Is(err, s3backend.ErrUnavailable) {
			t.Errorf("%v, want %v", err, s3backend.ErrUnavailable)
		}
		time.Sleep(5 * time.Minute)
		if got := asked.Load(); got != 3 {
			t.Errorf("%d pages in 20 s, want 3", got)
		}
	}, func(o *s3backend.Options) { o.RequestTimeout = 20 * time.Second })
}

// While the question gets no answer at all nobody knows that the version is gone, and a
// later reader asks again.
func TestFormerVersionUnknown(t *testing.T) {
	down := true
	inBubble(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		switch {
		case !r.URL.Query().Has("versions"):
			fail(w, 412, "PreconditionFailed")
		case down:
			fail(w, 503, "SlowDown")
		default:
			fail(w, 403, "AccessDenied")
		}
	}, func(t *testing.T, _ *bubble, c *s3backend.Client) {
		if _, err := c.Open(t.Context(), object, off, n); !errors.Is(err, s3backend.ErrThrottled) {
			t.Errorf("%v, want %v", err, s3backend.ErrThrottled)
		}
		down = false
		time.Sleep(5 * time.Second)
		if _, err := c.Open(t.Context(), object, off, n); !errors.Is(err, s3backend.ErrChanged) {
			t.Errorf("%v, want %v", err, s3backend.ErrChanged)
		}
	})
}

// A client that is closed takes its question back.
func TestFormerVersionClosed(t *testing.T) {
	asked := make(chan struct{})
	inBubble(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		if r.URL.Query().Has("versions") {
			close(asked)
			<-r.Context().Done()
			return
		}
		fail(w, 412, "PreconditionFailed")
	}, func(t *testing.T, _ *bubble, c *s3backend.Client) {
		failed := make(chan error)
		go func() {
			_, err := c.Open(t.Context(), object, off, n)
			failed <- err
		}()
		select {
		case <-asked:
		case err := <-failed:
			t.Fatal(err)
		}
		c.Close()
		if err := <-failed; !errors.Is(err, s3backend.ErrChanged) {
			t.Errorf("%v, want %v", err, s3backend.ErrChanged)
		}
		if _, err := c.Open(t.Context(), object, off, n); !errors.Is(err, s3backend.ErrChanged) {
			t.Errorf("%v, want %v", err, s3backend.ErrChanged)
		}
	})
}

// replaced is a server on which the object was replaced, and which answers questions for
// versions, that it counts, as it is told.
func replaced(asked *int, answer func(http.ResponseWriter)) func(http.ResponseWriter, *http.Request, int) {
	return func(w http.ResponseWriter, r *http.Request, _ int) {
		if !r.URL.Query().Has("versions") {
			fail(w, 412, "PreconditionFailed")
			return
		}
		*asked++
		answer(w)
	}
}
