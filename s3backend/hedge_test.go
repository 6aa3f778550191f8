package s3backend_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
)

// late is a server 20 ms away that does bad with the requests from bad on, for times.
type late struct {
	mu    sync.Mutex
	bad   func(w http.ResponseWriter, r *http.Request)
	times int
}

func (l *late) serve(w http.ResponseWriter, r *http.Request, _ int) {
	l.mu.Lock()
	bad := l.bad
	if l.times--; l.times < 0 {
		bad = nil
	}
	l.mu.Unlock()
	if bad != nil {
		bad(w, r)
		return
	}
	time.Sleep(20 * time.Millisecond)
	right(w, r)
}

func (l *late) next(times int, bad func(w http.ResponseWriter, r *http.Request)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bad, l.times = bad, times
}

// warm makes so many right requests, of which a twentieth may be hedged.
func warm(t *testing.T, c *s3backend.Client, times int) {
	t.Helper()
	for range times {
		got, err := read(c)
		checkBytes(t, got, err)
	}
}

// A demand whose header or body is late is asked again on another connection after
// 250 ms, and the loser is cancelled.
func TestHedge(t *testing.T) {
	for name, bad := range map[string]func(http.ResponseWriter, *http.Request){
		"header": stallHeader, "body": stallBody,
	} {
		t.Run(name, func(t *testing.T) {
			var l late
			inBubble(t, l.serve, func(t *testing.T, b *bubble, c *s3backend.Client) {
				warm(t, c, 40)
				var lost atomic.Int32
				l.next(1, func(w http.ResponseWriter, r *http.Request) {
					bad(w, r)
					lost.Add(1)
				})
				start := time.Now()
				got, err := read(c)
				checkBytes(t, got, err)
				within(t, start, 270*time.Millisecond, 300*time.Millisecond)
				synctest.Wait()
				st := c.Stats()
				if b.requests() != 42 || lost.Load() != 1 || st.Hedges != 1 || st.HedgesWon != 1 || st.Gets != 42 {
					t.Errorf("%d requests, %d cancelled, %+v", b.requests(), lost.Load(), st)
				}
			})
		})
	}
}

// A server that is slow as a whole: four medians are late, not 250 ms.
func TestHedgeFollowsTheMedian(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, r *http.Request, n int) {
		time.Sleep(time.Duration(200+200*(n%2)) * time.Millisecond)
		right(w, r)
	}, func(t *testing.T, _ *bubble, c *s3backend.Client) {
		warm(t, c, 100)
		if st := c.Stats(); st.Hedges != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// A server whose headers take 5 s is asked once for each GET, when that is known.
func TestPatienceFollowsTheMedian(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		select {
		case <-time.After(5 * time.Second):
			right(w, r)
		case <-r.Context().Done():
		}
	}, func(t *testing.T, b *bubble, c *s3backend.Client) {
		warm(t, c, 10)
		before := b.requests()
		warm(t, c, 10)
		if n := b.requests() - before; n != 10 {
			t.Errorf("%d requests for 10", n)
		}
	})
}

// At most 5 % of the requests are hedges, however many are late.
func TestHedgesAreFew(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, r *http.Request, n int) {
		if n%2 == 0 {
			time.Sleep(1500 * time.Millisecond)
		}
		right(w, r)
	}, func(t *testing.T, b *bubble, c *s3backend.Client) {
		warm(t, c, 200)
		if st := c.Stats(); st.Hedges == 0 || st.Hedges*20 > st.Gets || st.Gets != int64(b.requests()) {
			t.Errorf("%+v of %d requests", st, b.requests())
		}
	})
}

// The answers of both are checked: a hedge that brings another version or nothing
// usable loses, whenever it comes, and so does the first.
func TestHedgesAreChecked(t *testing.T) {
	other := func(w http.ResponseWriter, r *http.Request) {
		body := header(w, r)
		w.Header().Set("Content-Range", "bytes 0-99999/262144")
		w.WriteHeader(http.StatusPartialContent)
		w.Write(body)
	}
	for name, answers := range map[string][2]func(http.ResponseWriter, *http.Request){
		"the hedge is wrong": {right, other},
		"the first is wrong": {other, right},
		"both are right":     {right, right},
	} {
		t.Run(name, func(t *testing.T) {
			var l late
			inBubble(t, l.serve, func(t *testing.T, _ *bubble, c *s3backend.Client) {
				warm(t, c, 40)
				var n atomic.Int32
				l.next(2, func(w http.ResponseWriter, r *http.Request) {
					// Both answer in one moment.
					i := n.Add(1)
					time.Sleep(500*time.Millisecond - time.Duration(i-1)*250*time.Millisecond)
					answers[i-1](w, r)
				})
				got, err := read(c)
				checkBytes(t, got, err)
				if st := c.Stats(); st.Hedges != 1 {
					t.Errorf("%+v", st)
				}
			})
		})
	}
}

// A guess is not hedged, until somebody waits for it.
func TestGuessesAreNotHedged(t *testing.T) {
	for name, bad := range map[string]func(http.ResponseWriter, *http.Request){
		"header": stallHeader, "body": stallBody,
	} {
		t.Run(name, func(t *testing.T) {
			var l late
			inBubble(t, l.serve, func(t *testing.T, _ *bubble, c *s3backend.Client) {
				warm(t, c, 40)
				l.next(1, bad)
				var waited atomic.Bool
				time.AfterFunc(time.Second, func() { waited.Store(true) })
				start := time.Now()
				body, err := c.Open(s3backend.AsGuess(t.Context(), waited.Load), object, off, n)
				if err != nil {
					t.Fatal(err)
				}
				defer body.Close()
				got, err := io.ReadAll(body)
				checkBytes(t, got, err)
				within(t, start, time.Second, 1100*time.Millisecond)
			})
		})
	}
}

// F2: when the server throttles, guesses are given up and demands go on, in the
// pace that it bears.
func TestThrottledGuessesGiveWay(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, r *http.Request, n int) {
		if n%3 != 0 {
			fail(w, http.StatusServiceUnavailable, "SlowDown")
			return
		}
		right(w, r)
	}, func(t *testing.T, b *bubble, c *s3backend.Client) {
		var wg sync.WaitGroup
		var refused atomic.Int32
		for range 24 {
			wg.Go(func() {
				body, err := c.Open(s3backend.AsGuess(t.Context(), func() bool { return false }), object, off, n)
				if err == nil {
					body.Close()
				} else if refused.Add(1); !errors.Is(err, s3backend.ErrThrottled) {
					t.Error(err)
				}
			})
		}
		start := time.Now()
		for range 4 {
			got, err := read(c)
			checkBytes(t, got, err)
		}
		within(t, start, 0, 20*time.Second)
		wg.Wait()
		if st := c.Stats(); refused.Load() == 0 || st.Throttled == 0 {
			t.Errorf("%d guesses given up, %+v", refused.Load(), st)
		}
	})
}

// A hedge under way ends with its request.
func TestCancelledHedge(t *testing.T) {
	var l late
	inBubble(t, l.serve, func(t *testing.T, _ *bubble, c *s3backend.Client) {
		warm(t, c, 40)
		l.next(2, stallHeader)
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		start := time.Now()
		if _, err := c.Open(ctx, object, off, n); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		within(t, start, 300*time.Millisecond, 301*time.Millisecond)
		if st := c.Stats(); st.Hedges != 1 || st.HedgesWon != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// F24: a body that is slow beside others is broken, though it is no standstill; and
// where all are slow, none is.
func TestTrickleBesideOthers(t *testing.T) {
	const step = 16 << 10
	obj := s3backend.Object{Key: "big", ETag: etag, Size: 1 << 20}
	content := content(int(obj.Size))
	for name, c := range map[string]struct {
		usual   time.Duration // for a step
		resumed int64
	}{
		"others are fast":    {time.Millisecond, 1},
		"others are as slow": {300 * time.Millisecond, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w http.ResponseWriter, r *http.Request, n int) {
				rest, pause := content, c.usual
				w.Header().Set("ETag", etag)
				if r.Header.Get("Range") != "" {
					first, last := asked(r)
					w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, last, len(content)))
					w.Header().Set("Content-Length", strconv.Itoa(len(content)-int(first)))
					w.WriteHeader(http.StatusPartialContent)
					rest = rest[first:]
				} else {
					w.Header().Set("Content-Length", strconv.Itoa(len(content)))
				}
				if n == 11 {
					pause = 300 * time.Millisecond // 55 KB/s
				}
				for ; len(rest) > 0; rest = rest[min(step, len(rest)):] {
					w.Write(rest[:min(step, len(rest))])
					w.(http.Flusher).Flush()
					select {
					case <-time.After(pause):
					case <-r.Context().Done():
						return
					}
				}
			}, func(t *testing.T, b *bubble, client *s3backend.Client) {
				for range 11 {
					body, err := client.Open(t.Context(), obj, 0, obj.Size)
					if err != nil {
						t.Fatal(err)
					}
					got, err := io.ReadAll(body)
					if err != nil || !bytes.Equal(got, content) {
						t.Fatalf("%d bytes, error %v", len(got), err)
					}
					body.Close()
				}
				if st := client.Stats(); st.Resumed != c.resumed || b.requests() != 11+int(c.resumed) {
					t.Errorf("%d requests, %+v", b.requests(), st)
				}
			})
		})
	}
}
