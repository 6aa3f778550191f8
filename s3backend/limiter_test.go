package s3backend_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
)

func serveRight(w http.ResponseWriter, r *http.Request, _ int) { right(w, r) }

func bandwidth(limit int64) func(*s3backend.Options) {
	return func(o *s3backend.Options) { o.BandwidthLimit = limit }
}

// The limit holds over all bodies together, and waiting for it is no stall: nothing
// is asked for again.
func TestBandwidthLimit(t *testing.T) {
	inBubble(t, serveRight, func(t *testing.T, b *bubble, c *s3backend.Client) {
		start := time.Now()
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				for range 3 {
					got, err := read(c)
					checkBytes(t, got, err)
				}
			})
		}
		wg.Wait()
		// 3 MB at 50 kB/s, but for the first burst.
		within(t, start, 59*time.Second, 61*time.Second)
		if st := c.Stats(); b.requests() != 30 || st.Hedges != 0 || st.Resumed != 0 {
			t.Errorf("%d requests, %+v", b.requests(), st)
		}
	}, bandwidth(50_000))
}

// A demand has the whole limit, though guesses are under way; they have what it
// leaves, and all of it when there is no demand.
func TestDemandsGoFirstUnderALimit(t *testing.T) {
	inBubble(t, serveRight, func(t *testing.T, _ *bubble, c *s3backend.Client) {
		ctx, cancel := context.WithCancel(s3backend.AsGuess(t.Context(), func() bool { return false }))
		defer cancel()
		var wg sync.WaitGroup
		defer wg.Wait()
		defer cancel()
		var mu sync.Mutex
		guessed := 0
		for range 20 {
			wg.Go(func() {
				body, err := c.Open(ctx, object, off, n)
				if err != nil {
					return // not before the end
				}
				defer body.Close()
				p := make([]byte, 1000)
				for err == nil {
					var m int
					m, err = body.Read(p)
					mu.Lock()
					guessed += m
					mu.Unlock()
				}
				if err != io.EOF && !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			})
		}
		total := func() int { mu.Lock(); defer mu.Unlock(); return guessed }
		time.Sleep(10 * time.Second)
		alone := total()
		if alone < 400_000 {
			t.Errorf("guesses had %d bytes in 10 s of 50 kB/s", alone)
		}
		start := time.Now()
		for range 5 {
			got, err := read(c)
			checkBytes(t, got, err)
		}
		within(t, start, 9*time.Second, 12*time.Second)
		if beside := total() - alone; beside > alone/5 {
			t.Errorf("guesses had %d bytes beside demands, %d alone", beside, alone)
		}
	}, bandwidth(50_000))
}

// The limit holds over requests of all kinds.
func TestRequestLimit(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		if r.Method == http.MethodHead {
			w.Header().Set("ETag", etag)
			w.Header().Set("Content-Length", "1")
			return
		}
		right(w, r)
	}, func(t *testing.T, b *bubble, c *s3backend.Client) {
		start := time.Now()
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				got, err := read(c)
				checkBytes(t, got, err)
				if _, err := c.Head(t.Context(), "k"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		within(t, start, 9*time.Second, 10*time.Second)
		if b.requests() != 100 {
			t.Errorf("%d requests", b.requests())
		}
	}, func(o *s3backend.Options) { o.RequestLimit = 10 })
}

// So it does over the requests that follow from an answer.
func TestRequestLimitOfSecondRequests(t *testing.T) {
	versioned := object
	versioned.VersionID = "gone"
	for name, ask := range map[string]func(*s3backend.Client) error{
		"what a HEAD does not say": func(c *s3backend.Client) error {
			if _, err := c.Head(context.Background(), "k"); !errors.Is(err, s3backend.ErrBadAnswer) {
				return fmt.Errorf("head: %w", err)
			}
			return nil
		},
		"without a version that is gone": func(c *s3backend.Client) error {
			body, err := c.Open(context.Background(), versioned, off, n)
			if err == nil {
				body.Close()
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w http.ResponseWriter, r *http.Request, _ int) {
				switch {
				case r.URL.Query().Has("versionId"):
					fail(w, http.StatusNotFound, "NoSuchVersion")
				case r.URL.Path == "/bucket/k":
					fail(w, http.StatusBadRequest, "InvalidRequest")
				default:
					right(w, r)
				}
			}, func(t *testing.T, b *bubble, c *s3backend.Client) {
				start := time.Now()
				for range 50 {
					if err := ask(c); err != nil {
						t.Error(err)
					}
				}
				within(t, start, 9*time.Second, 10*time.Second)
				if b.requests() != 100 {
					t.Errorf("%d requests", b.requests())
				}
			}, func(o *s3backend.Options) { o.RequestLimit = 10 })
		})
	}
}

// Who waited for a limit and has gone holds nobody up.
func TestLimitsForgetWhoLeft(t *testing.T) {
	for name, limited := range map[string]func(*s3backend.Options){
		"requests":  func(o *s3backend.Options) { o.RequestLimit = 1 },
		"bandwidth": bandwidth(40_000), // 100,000 bytes take 2.5 s
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, serveRight, func(t *testing.T, b *bubble, c *s3backend.Client) {
				var wg sync.WaitGroup
				for range 200 {
					ctx, leave := context.WithTimeout(t.Context(), 5*time.Second)
					wg.Go(func() {
						defer leave()
						if body, err := c.Open(ctx, object, off, n); err == nil {
							_, _ = io.Copy(io.Discard, body)
							body.Close()
						}
					})
					time.Sleep(time.Millisecond) // they leave in the order in which they came
				}
				wg.Wait()
				start := time.Now()
				got, err := read(c)
				checkBytes(t, got, err)
				within(t, start, 0, 4*time.Second)
			}, limited)
		})
	}
}

// A call that the limit does not let through within the request's time fails.
func TestRequestLimitEndsInTime(t *testing.T) {
	inBubble(t, serveRight, func(t *testing.T, _ *bubble, c *s3backend.Client) {
		start := time.Now()
		_, _ = read(c)
		if _, err := read(c); !errors.Is(err, s3backend.ErrThrottled) {
			t.Errorf("error %v", err)
		}
		within(t, start, 60*time.Second, 60*time.Second)
	}, func(o *s3backend.Options) { o.RequestLimit = 0.001 })
}

// The same over sockets of the kernel.
func TestBandwidthLimitOnSockets(t *testing.T) {
	f := serve(t, serveRight)
	c := f.client(t, bandwidth(2_000_000))
	start := time.Now()
	for range 10 {
		got, err := read(c)
		checkBytes(t, got, err)
	}
	// 1 MB, of which 250 kB are the burst.
	if took := time.Since(start); took < 370*time.Millisecond {
		t.Errorf("took %v", took)
	}
}
