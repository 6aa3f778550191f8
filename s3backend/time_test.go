package s3backend_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
)

func checkBytes(t *testing.T, got []byte, err error) {
	t.Helper()
	if err != nil || !bytes.Equal(got, data[off:off+n]) {
		t.Fatalf("error %v, %d bytes, right: %v", err, len(got), bytes.Equal(got, data[off:off+n]))
	}
}

// within fails unless what took from start lies between the two.
func within(t *testing.T, start time.Time, least, most time.Duration) {
	t.Helper()
	if took := time.Since(start); took < least || took > most {
		t.Errorf("took %v, want %v to %v", took, least, most)
	}
}

func stallHeader(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func stallBody(w http.ResponseWriter, r *http.Request) {
	body := header(w, r)
	w.WriteHeader(http.StatusPartialContent)
	w.Write(body[:len(body)/2])
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

// trickle sends 100 bytes a second, in the middle of the body.
func trickle(w http.ResponseWriter, r *http.Request) {
	body := header(w, r)
	w.WriteHeader(http.StatusPartialContent)
	for len(body) > 10 {
		w.Write(body[:10])
		w.(http.Flusher).Flush()
		body = body[10:]
		select {
		case <-time.After(100 * time.Millisecond):
		case <-r.Context().Done():
			return
		}
	}
}

// F23 and F24: each costs one time-out once, and ends within the request's time
// when it lasts.
func TestStall(t *testing.T) {
	timeouts := map[string]time.Duration{"header": 2 * time.Second, "body": 3 * time.Second, "trickle": 3 * time.Second}
	for name, bad := range map[string]func(http.ResponseWriter, *http.Request){
		"header": stallHeader, "body": stallBody, "trickle": trickle,
	} {
		t.Run(name+" once", func(t *testing.T) {
			inBubble(t, func(w http.ResponseWriter, r *http.Request, n int) {
				if n == 1 {
					bad(w, r)
				} else {
					right(w, r)
				}
			}, func(t *testing.T, b *bubble, c *s3backend.Client) {
				start := time.Now()
				got, err := read(c)
				checkBytes(t, got, err)
				within(t, start, timeouts[name], timeouts[name]+time.Second)
				if b.requests() != 2 {
					t.Errorf("%d requests, want 2", b.requests())
				}
			})
		})
		t.Run(name+" always", func(t *testing.T) {
			inBubble(t, func(w http.ResponseWriter, r *http.Request, _ int) { bad(w, r) },
				func(t *testing.T, b *bubble, c *s3backend.Client) {
					start := time.Now()
					got, err := read(c)
					if !errors.Is(err, s3backend.ErrUnavailable) {
						t.Fatalf("error %v, want %v", err, s3backend.ErrUnavailable)
					}
					if !bytes.Equal(got, data[off:off+len(got)]) {
						t.Error("wrong bytes before the error")
					}
					// Half of the body is progress, after which the time starts anew.
					within(t, start, 30*time.Second, 3*time.Minute)
				})
		})
	}
}

// A stalled page of a listing and a stalled HEAD end like a stalled GET.
func TestStallSmall(t *testing.T) {
	for name, ask := range map[string]func(*s3backend.Client) error{
		"list": func(c *s3backend.Client) error { _, err := entries(c, "", 0); return err },
		"head": func(c *s3backend.Client) error { _, err := c.Head(context.Background(), "k"); return err },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w http.ResponseWriter, r *http.Request, n int) {
				if n == 1 && r.Method == http.MethodGet {
					io.WriteString(w, "<?xml version=\"1.0\"?><ListBucketResult>")
					w.(http.Flusher).Flush()
				}
				<-r.Context().Done()
			}, func(t *testing.T, b *bubble, c *s3backend.Client) {
				start := time.Now()
				if err := ask(c); !errors.Is(err, s3backend.ErrUnavailable) {
					t.Errorf("%v", err)
				}
				within(t, start, 60*time.Second, 60*time.Second)
			})
		})
	}
}

// Read and Open return at once when their context ends, with its error, however
// stuck the network is; the same for Close.
func TestCancel(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		if r.Header.Get("Range") == "bytes=0-99999" {
			stallHeader(w, r)
		}
		stallBody(w, r)
	}, func(t *testing.T, b *bubble, c *s3backend.Client) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		_, err := c.Open(ctx, object, 0, n)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Open: %v", err)
		}
		within(t, start, 3*time.Second, 3*time.Second)

		// Not after 3 s: then a stall ends too, and which of the two is first is chance.
		start = time.Now()
		ctx, cancel = context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		body, err := c.Open(ctx, object, off, n)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(body); !errors.Is(err, context.DeadlineExceeded) || len(got) != n/2 {
			t.Errorf("Read: %v after %d bytes", err, len(got))
		}
		within(t, start, 2500*time.Millisecond, 2500*time.Millisecond)

		body, err = c.Open(t.Context(), object, off, n)
		if err != nil {
			t.Fatal(err)
		}
		start = time.Now()
		time.AfterFunc(2*time.Second, func() { body.Close() })
		if _, err := io.ReadAll(body); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("Read under Close: %v", err)
		}
		within(t, start, 2*time.Second, 2*time.Second)
	})
}

// The same where the server has no ETags, and a body that breaks off is not gone on
// with.
func TestCancelWithoutETag(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		body := header(w, r)
		w.Header().Del("ETag")
		w.WriteHeader(http.StatusPartialContent)
		w.Write(body[:len(body)/2])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}, func(t *testing.T, b *bubble, c *s3backend.Client) {
		plain := object
		plain.ETag = ""
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		body, err := c.Open(ctx, plain, off, n)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(body); !errors.Is(err, context.DeadlineExceeded) || len(got) != n/2 {
			t.Errorf("Read: %v after %d bytes", err, len(got))
		}

		body, err = c.Open(t.Context(), plain, off, n)
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Second, func() { body.Close() })
		if _, err := io.ReadAll(body); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("Read under Close: %v", err)
		}
	})
}

// F2: however many callers there are, a throttling server sees few requests; and
// the rate is back soon after it is well again.
func TestSlowDown(t *testing.T) {
	var mu sync.Mutex
	healthy := false
	inBubble(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		mu.Lock()
		ok := healthy
		mu.Unlock()
		if ok {
			right(w, r)
		} else {
			fail(w, http.StatusServiceUnavailable, "SlowDown")
		}
	}, func(t *testing.T, b *bubble, c *s3backend.Client) {
		const callers = 64
		var wg sync.WaitGroup
		errs := make([]error, callers)
		for i := range callers {
			wg.Go(func() { _, errs[i] = read(c) })
		}
		time.Sleep(30 * time.Second)
		if got := b.requests(); got < 10 || got > callers+40 {
			t.Errorf("%d requests of %d callers in 30 s", got, callers)
		}
		start := time.Now()
		wg.Wait()
		within(t, start, 0, 31*time.Second)
		for _, err := range errs {
			if !errors.Is(err, s3backend.ErrThrottled) {
				t.Fatalf("error %v, want %v", err, s3backend.ErrThrottled)
			}
		}
		mu.Lock()
		healthy = true
		mu.Unlock()
		start = time.Now()
		for range 100 {
			got, err := read(c)
			checkBytes(t, got, err)
		}
		within(t, start, 0, 10*time.Second)
	})
}

// F25: a name that does not resolve for 30 s, which is longer than ten attempts
// last, and whose address then is another one.
func TestNameFails(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, r *http.Request, _ int) { right(w, r) },
		func(t *testing.T, b *bubble, c *s3backend.Client) {
			start := time.Now()
			b.mu.Lock()
			b.lookup = func(host string) ([]netip.Addr, error) {
				if time.Since(start) < 30*time.Second {
					return nil, &net.DNSError{Err: "server misbehaving", Name: host, IsTemporary: true}
				}
				return []netip.Addr{netip.MustParseAddr("192.0.2.7")}, nil
			}
			b.mu.Unlock()
			got, err := read(c)
			checkBytes(t, got, err)
			within(t, start, 30*time.Second, 36*time.Second)
			if a := b.addresses(); len(a) != 1 || a[0] != "192.0.2.7:80" {
				t.Errorf("dialled %v", a)
			}
		})
}

// F25: all addresses of a name are used in turn, and a dead one costs its share
// of one connect time-out, once.
func TestAddresses(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		w.Header().Set("Connection", "close")
		right(w, r)
	}, func(t *testing.T, b *bubble, c *s3backend.Client) {
		b.mu.Lock()
		b.lookup = func(string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("2001:db8::3")}, nil
		}
		b.dead["192.0.2.2:80"] = true
		b.mu.Unlock()
		start := time.Now()
		for range 9 {
			got, err := read(c)
			checkBytes(t, got, err)
		}
		within(t, start, time.Second, 5*time.Second)
		tried := map[string]int{}
		for _, a := range b.addresses() {
			tried[a]++
		}
		if tried["192.0.2.2:80"] != 1 || tried["192.0.2.1:80"] < 3 || tried["[2001:db8::3]:80"] < 3 {
			t.Errorf("dialled %v", tried)
		}
	})
}

// F25: connections kept to an address that died are not tried one after the
// other, each for a time-out.
func TestIdleToDeadAddress(t *testing.T) {
	var mu sync.Mutex
	dead := false
	inBubble(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		mu.Lock()
		stuck := dead && r.Header.Get("Connection") == ""
		mu.Unlock()
		if stuck {
			stallHeader(w, r)
			return
		}
		right(w, r)
	}, func(t *testing.T, b *bubble, c *s3backend.Client) {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { read(c) })
		}
		wg.Wait()
		before := len(b.addresses())
		mu.Lock()
		dead = true
		mu.Unlock()
		time.AfterFunc(2*time.Second, func() { mu.Lock(); dead = false; mu.Unlock() })
		start := time.Now()
		got, err := read(c)
		checkBytes(t, got, err)
		within(t, start, 2*time.Second, 3*time.Second)
		if len(b.addresses()) != before+1 {
			t.Errorf("dialled %d more, want 1 new connection", len(b.addresses())-before)
		}
	})
}

// A page of time with nothing to read is not a stall: only waiting counts.
func TestSlowReader(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, r *http.Request, _ int) { right(w, r) },
		func(t *testing.T, b *bubble, c *s3backend.Client) {
			body, err := c.Open(t.Context(), object, off, n)
			if err != nil {
				t.Fatal(err)
			}
			defer body.Close()
			var got []byte
			p := make([]byte, 10_000)
			for {
				m, err := body.Read(p)
				got = append(got, p[:m]...)
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
			}
			checkBytes(t, got, nil)
			if b.requests() != 1 {
				t.Errorf("%d requests, want 1", b.requests())
			}
			synctest.Wait()
		})
}

// A server that says when to come back is believed, within reason.
func TestRetryAfter(t *testing.T) {
	for header, want := range map[string]time.Duration{"7": 7 * time.Second, "86400": 20 * time.Second, "-1": 0, "soon": 0} {
		inBubble(t, func(w http.ResponseWriter, r *http.Request, n int) {
			if n == 1 {
				w.Header().Set("Retry-After", header)
				fail(w, 500, "InternalError")
				return
			}
			right(w, r)
		}, func(t *testing.T, b *bubble, c *s3backend.Client) {
			start := time.Now()
			got, err := read(c)
			checkBytes(t, got, err)
			within(t, start, want, want+100*time.Millisecond)
		})
	}
}

// F1 and F3: back-off grows, and the call ends within its time.
func TestFailsForEver(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, r *http.Request, _ int) { fail(w, 500, "InternalError") },
		func(t *testing.T, b *bubble, c *s3backend.Client) {
			start := time.Now()
			if _, err := read(c); !errors.Is(err, s3backend.ErrUnavailable) {
				t.Errorf("error %v", err)
			}
			within(t, start, 10*time.Second, 60*time.Second)
			if b.requests() != 10 {
				t.Errorf("%d requests, want 10", b.requests())
			}
		})
}
