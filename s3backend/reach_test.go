package s3backend_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
)

// awayUntil is a server that fails until it is up. Then it has any object, and lists as
// said.
func awayUntil(up *atomic.Bool, list http.HandlerFunc) func(w http.ResponseWriter, r *http.Request, n int) {
	return func(w http.ResponseWriter, r *http.Request, _ int) {
		switch {
		case !up.Load():
			w.WriteHeader(http.StatusInternalServerError)
		case r.Method == http.MethodHead:
			w.Header().Set("ETag", etag)
			w.Header().Set("Content-Length", "5")
		default:
			list(w, r)
		}
	}
}

// TestOutageFailsFast: a question whose asker has another answer is given up after some
// seconds, and the next ones at once. Others go on for a request's time from the last
// answer, and are then not asked. The server is knocked at every 5 s, and asked again as
// soon as it has answered.
func TestOutageFailsFast(t *testing.T) {
	var up atomic.Bool
	inBubble(t, awayUntil(&up, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden) // an answer all the same
	}), func(t *testing.T, b *bubble, c *s3backend.Client) {
		start := time.Now()
		fallback := s3backend.WithFallback(t.Context(), func() bool { return true })
		if _, err := c.Head(fallback, "k"); !errors.Is(err, s3backend.ErrUnreachable) || !errors.Is(err, s3backend.ErrUnavailable) {
			t.Fatalf("head: %v", err)
		}
		within(t, start, 5*time.Second, 10*time.Second)
		again := time.Now()
		if _, err := c.Head(fallback, "k"); !errors.Is(err, s3backend.ErrUnreachable) {
			t.Errorf("head: %v", err)
		}
		within(t, again, 0, 0)
		none := s3backend.WithFallback(t.Context(), func() bool { return false })
		if _, err := c.Head(none, "k"); !errors.Is(err, s3backend.ErrUnreachable) {
			t.Errorf("head: %v", err)
		}
		within(t, again, 10*time.Second, 55*time.Second)
		time.Sleep(time.Until(start.Add(60 * time.Second)))
		if since, err := c.Trouble(); !errors.Is(err, s3backend.ErrUnreachable) || !since.Equal(start) {
			t.Errorf("trouble %v since %v", err, since.Sub(start))
		}
		asked := b.requests()
		start = time.Now()
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if _, err := c.Head(t.Context(), "k"); !errors.Is(err, s3backend.ErrUnreachable) {
					t.Errorf("head: %v", err)
				}
				if _, err := entries(c, "", 0); !errors.Is(err, s3backend.ErrUnreachable) {
					t.Errorf("list: %v", err)
				}
			})
		}
		wg.Wait()
		within(t, start, 0, 0)
		time.Sleep(10 * time.Minute) // of the bubble's
		if n := b.requests() - asked; n < 100 || n > 125 {
			t.Errorf("%d requests in ten minutes, want one every 5 s", n)
		}
		up.Store(true)
		start = time.Now()
		for c.Stats().Away {
			time.Sleep(100 * time.Millisecond)
		}
		within(t, start, 0, 5*time.Second+100*time.Millisecond)
		if _, err := c.Head(t.Context(), "k"); err != nil {
			t.Errorf("head: %v", err)
		}
		if s := c.Stats(); s.Outages != 1 {
			t.Errorf("%d outages", s.Outages)
		}
		if _, err := c.Trouble(); err != nil {
			t.Errorf("trouble %v", err)
		}
	})
}

// TestOutageAndReads: who waits for bytes goes on asking for a request's time, as
// always, and beyond it asks once; guesses do not. A GET that is answered ends the outage.
func TestOutageAndReads(t *testing.T) {
	var up atomic.Bool
	inBubble(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		if up.Load() {
			right(w, r)
			return
		}
		w.WriteHeader(http.StatusInternalServerError)
	}, func(t *testing.T, b *bubble, c *s3backend.Client) {
		start := time.Now()
		if _, err := c.Head(t.Context(), "k"); !errors.Is(err, s3backend.ErrUnreachable) {
			t.Fatalf("head: %v", err)
		}
		again := time.Now()
		if _, err := read(c); !errors.Is(err, s3backend.ErrUnreachable) {
			t.Errorf("read: %v", err)
		}
		within(t, again, 5*time.Second, 60*time.Second)
		guess := s3backend.AsGuess(t.Context(), func() bool { return false })
		again = time.Now()
		if _, err := c.Open(guess, object, off, n); !errors.Is(err, s3backend.ErrUnreachable) {
			t.Errorf("guess: %v", err)
		}
		within(t, again, 0, 0)
		time.Sleep(time.Until(start.Add(61 * time.Second)))
		again = time.Now()
		if _, err := read(c); !errors.Is(err, s3backend.ErrUnreachable) {
			t.Errorf("read: %v", err)
		}
		within(t, again, 0, 100*time.Millisecond) // one attempt, and its pause
		up.Store(true)
		got, err := read(c)
		checkBytes(t, got, err)
		if c.Stats().Away {
			t.Error("away, and answers")
		}
	})
}

// TestWrongCredentialsAreTrouble: what concerns all questions is known after the first.
func TestWrongCredentialsAreTrouble(t *testing.T) {
	var right atomic.Bool
	f := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		if right.Load() {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.WriteHeader(http.StatusForbidden)
		io.WriteString(w, "<Error><Code>SignatureDoesNotMatch</Code></Error>")
	})
	c := f.client(t)
	if _, err := c.Trouble(); err != nil {
		t.Errorf("trouble %v before the first question", err)
	}
	if _, err := entries(c, "", 0); !errors.Is(err, s3backend.ErrCredentials) {
		t.Fatal(err)
	}
	if since, err := c.Trouble(); !errors.Is(err, s3backend.ErrCredentials) || !since.IsZero() {
		t.Errorf("trouble %v since %v", err, since)
	}
	right.Store(true)
	c.Head(context.Background(), "k")
	if _, err := c.Trouble(); err != nil {
		t.Errorf("trouble %v after a good answer", err)
	}
}

// TestOutageEndsBeforeAnOddKey: a key with a control character cannot be written in XML,
// and a listing that begins with one can be read only when it is asked for encoded.
func TestOutageEndsBeforeAnOddKey(t *testing.T) {
	var up atomic.Bool
	inBubble(t, awayUntil(&up, func(w http.ResponseWriter, r *http.Request) {
		key, encoding := "&#x1;first", ""
		if r.URL.Query().Get("encoding-type") == "url" {
			key, encoding = "%01first", "<EncodingType>url</EncodingType>"
		}
		fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`+
			`<Name>bucket</Name><Prefix></Prefix><KeyCount>1</KeyCount><MaxKeys>1</MaxKeys>%s<IsTruncated>false</IsTruncated>`+
			`<Contents><Key>%s</Key><LastModified>2024-01-01T00:00:00.000Z</LastModified><ETag>%s</ETag><Size>5</Size></Contents></ListBucketResult>`,
			encoding, key, etag)
	}), func(t *testing.T, b *bubble, c *s3backend.Client) {
		fallback := s3backend.WithFallback(t.Context(), func() bool { return true })
		if _, err := c.Head(fallback, "k"); !errors.Is(err, s3backend.ErrUnreachable) {
			t.Fatalf("head: %v", err)
		}
		up.Store(true)
		time.Sleep(time.Minute) // of the bubble's
		if c.Stats().Away {
			t.Error("still away")
		}
		if _, err := c.Head(t.Context(), "k"); err != nil {
			t.Errorf("head: %v", err)
		}
	})
}

// TestKeyTooLongIsNoMissingBucket: S3 refuses a prefix that no key can have.
func TestKeyTooLongIsNoMissingBucket(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>KeyTooLongError</Code><Message>m</Message></Error>`)
	}, func(t *testing.T, b *bubble, c *s3backend.Client) {
		if _, err := entries(c, strings.Repeat("k", 1024)+"/", 1); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, s3backend.ErrNoBucket) {
			t.Errorf("list: %v", err)
		}
		if _, err := c.Trouble(); err != nil {
			t.Errorf("trouble: %v", err)
		}
	})
}

// TestOutageOfRefusals: a server that says 503 to all has each of them held back, and one
// that finds it away tells the others, however many they are.
func TestOutageOfRefusals(t *testing.T) {
	var up atomic.Bool
	inBubble(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		if !up.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if r.Method != http.MethodHead {
			w.WriteHeader(http.StatusForbidden) // an answer all the same
			return
		}
		w.Header().Set("ETag", etag)
		w.Header().Set("Content-Length", "5")
	}, func(t *testing.T, _ *bubble, c *s3backend.Client) {
		fallback := s3backend.WithFallback(t.Context(), func() bool { return true })
		ask := func(ctx context.Context, least, most time.Duration, want error) {
			t.Helper()
			start := time.Now()
			var wg sync.WaitGroup
			for range 64 {
				wg.Go(func() {
					if _, err := c.Head(ctx, "k"); !errors.Is(err, want) {
						t.Errorf("head: %v, want %v", err, want)
					}
					within(t, start, least, most)
				})
			}
			wg.Wait()
		}
		ask(fallback, 5*time.Second, 10*time.Second, s3backend.ErrUnreachable)
		ask(fallback, 0, 0, s3backend.ErrUnreachable)
		up.Store(true)
		for c.Stats().Away {
			time.Sleep(100 * time.Millisecond)
		}
		ask(fallback, 0, 5*time.Second, nil)
		// And the next one.
		up.Store(false)
		time.Sleep(time.Minute)
		ask(fallback, 5*time.Second, 10*time.Second, s3backend.ErrUnreachable)
	})
}
