package s3backend_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/zs3fs/zs3fs/s3backend"
)

func writeCredentials(t *testing.T, name, id, token string) {
	t.Helper()
	text := fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\naws_session_token = %s\n", id, canarySecret, token)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// F19: a token that the server calls expired is fetched anew from where it came
// from, once, and the reader notices nothing. While there is no other, that is
// the error; once there is, it works again.
func TestExpiredToken(t *testing.T) {
	for _, refused := range []struct {
		status int
		code   string
	}{{400, "ExpiredToken"}, {403, "ExpiredToken"}, {403, "InvalidTokenId"}} {
		name := tempFile(t, "")
		writeCredentials(t, name, "AKIAONE", "token-one")
		accepted := "token-one"
		f := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
			if r.Header.Get("X-Amz-Security-Token") != accepted {
				fail(w, refused.status, refused.code)
				return
			}
			right(w, r)
		})
		c := f.client(t, func(o *s3backend.Options) { o.SharedCredentialsFile = name })
		if _, err := read(c); err != nil {
			t.Fatal(err)
		}

		accepted = "token-two"
		writeCredentials(t, name, "AKIATWO", "token-two")
		before := f.count()
		if _, err := read(c); err != nil {
			t.Errorf("after renewal: %v", err)
		}
		if f.count() != before+2 {
			t.Errorf("%d requests, want 2", f.count()-before)
		}

		accepted = "token-three"
		before = f.count()
		if _, err := read(c); !errors.Is(err, s3backend.ErrCredentials) {
			t.Errorf("without renewal: %v", err)
		}
		if f.count() != before+2 {
			t.Errorf("%d requests, want 2", f.count()-before)
		}

		os.Remove(name)
		if _, err := read(c); !errors.Is(err, s3backend.ErrCredentials) {
			t.Errorf("without a file: %v", err)
		}
		if err := os.WriteFile(name, []byte("[default]\naws_access_key_id = \""), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := read(c); !errors.Is(err, s3backend.ErrCredentials) {
			t.Errorf("with a file that is being written: %v", err)
		}
		writeCredentials(t, name, "AKIATHREE", "token-three")
		if _, err := read(c); err != nil {
			t.Errorf("when they are back: %v", err)
		}
	}
}

// F19: to HEAD S3 says no more than 403 when the access key was replaced, as it does
// when access is denied; what it means a GET tells, whose answer has the code.
func TestReplacedKey(t *testing.T) {
	for name, head := range map[string]func(*s3backend.Client) error{
		"Head":     func(c *s3backend.Client) error { _, err := c.Head(t.Context(), object.Key); return err },
		"Checksum": func(c *s3backend.Client) error { _, err := c.Checksum(t.Context(), object); return err },
	} {
		t.Run(name, func(t *testing.T) {
			file := tempFile(t, "")
			writeCredentials(t, file, "AKIAONE", "")
			accepted := "AKIAONE/"
			f := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
				switch {
				case !strings.Contains(r.Header.Get("Authorization"), accepted):
					fail(w, 403, "InvalidAccessKeyId")
				case strings.HasSuffix(r.URL.Path, "/denied"):
					fail(w, 403, "AccessDenied")
				case r.Method == http.MethodHead:
					w.Header().Set("ETag", etag)
					w.Header().Set("Content-Length", fmt.Sprint(objectSize))
				default:
					right(w, r)
				}
			})
			c := f.client(t, func(o *s3backend.Options) { o.SharedCredentialsFile = file })
			if err := head(c); err != nil {
				t.Fatal(err)
			}
			accepted = "AKIATWO/"
			writeCredentials(t, file, "AKIATWO", "")
			if err := head(c); err != nil {
				t.Errorf("after it was replaced: %v", err)
			}
			// Whose policy refuses many names is not asked twice for each.
			before := f.count()
			for range 10 {
				if _, err := c.Head(t.Context(), "denied"); !errors.Is(err, fs.ErrPermission) {
					t.Errorf("denied: %v", err)
				}
			}
			if n := f.count() - before; n > 11 {
				t.Errorf("%d requests for 10 that are denied", n)
			}
		})
	}
}

func TestCredentialsFileWins(t *testing.T) {
	name := tempFile(t, "")
	writeCredentials(t, name, "AKIAFILE", "t")
	f := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) { right(w, r) })
	if _, err := read(f.client(t, func(o *s3backend.Options) { o.SharedCredentialsFile = name })); err != nil {
		t.Fatal(err)
	}
	if a := f.request(1).Header.Get("Authorization"); !strings.Contains(a, "AKIAFILE/") {
		t.Errorf("signed as %s", a)
	}
}

func TestNoCredentials(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	f := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) { right(w, r) })
	start := time.Now()
	_, _, err := f.client(t).Probe(context.Background(), "", 1000)
	if !errors.Is(err, s3backend.ErrCredentials) || f.count() != 0 || time.Since(start) > 5*time.Second {
		t.Errorf("%v after %d requests", err, f.count())
	}
}

// F20: credentials are renewed ahead of their end; while their source fails, the
// last good ones serve to that end, and when it is back it is used.
func TestSourceFails(t *testing.T) {
	script := tempFile(t, "")
	t.Setenv("AWS_CONFIG_FILE", tempFile(t, "[profile p]\ncredential_process = sh "+script+"\n"))
	write := func(text string) {
		if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	say := func(token string, life time.Duration) {
		write(fmt.Sprintf(`echo x >>%s.runs; echo '{"Version":1,"AccessKeyId":"AKIAP","SecretAccessKey":"%s","SessionToken":"%s","Expiration":"%s"}'`,
			script, canarySecret, token, time.Now().Add(life).UTC().Format(time.RFC3339)))
	}
	var last string
	inBubble(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		last = r.Header.Get("X-Amz-Security-Token")
		right(w, r)
	}, func(t *testing.T, b *bubble, c *s3backend.Client) {
		want := func(token string) {
			t.Helper()
			last = ""
			if _, err := read(c); err != nil || last != token {
				t.Errorf("token %q, %v; want %q", last, err, token)
			}
		}
		say("one", 20*time.Minute)
		want("one")
		time.Sleep(16 * time.Minute)
		say("two", 20*time.Minute)
		want("two")
		write("exit 1")
		for range 19 {
			time.Sleep(time.Minute)
			want("two")
		}
		time.Sleep(time.Minute)
		if _, err := read(c); !errors.Is(err, s3backend.ErrNoCredentials) {
			t.Errorf("after their end: %v", err)
		}
		// Short ones are not asked for at each request.
		say("three", 2*time.Minute)
		os.Remove(script + ".runs")
		for range 10 {
			want("three")
		}
		if runs, _ := os.ReadFile(script + ".runs"); len(runs) != 2 {
			t.Errorf("the source ran %d times, want once", len(runs)/2)
		}
	}, func(o *s3backend.Options) { o.Profile = "p" })
}

// F20: without credentials at hand a source that hangs is what errors and the log name, and
// not S3, which nobody has asked.
func TestSourceHangsAtFirst(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CONFIG_FILE", tempFile(t, "[profile p]\ncredential_process = cat "+fifo+"\n"))
	defer func() { // the SDK leaves it running
		if w, err := os.OpenFile(fifo, os.O_RDWR, 0); err == nil {
			w.Close()
		}
	}()
	f := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(http.StatusTeapot) })
	var log bytes.Buffer
	c := f.client(t, func(o *s3backend.Options) {
		o.Profile, o.Retries = "p", 2
		o.ConnectTimeout, o.HeaderTimeout, o.StallTimeout = 50*time.Millisecond, 50*time.Millisecond, 50*time.Millisecond
		o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	})
	_, headErr := c.Head(t.Context(), "k")
	_, listErr := entries(c, "", 0)
	_, readErr := read(c)
	for _, err := range []error{headErr, listErr, readErr} {
		if !errors.Is(err, s3backend.ErrUnavailable) || !strings.Contains(err.Error(), "credentials") {
			t.Errorf("%v", err)
		}
	}
	c.Close()
	if lines := log.String(); !strings.Contains(lines, "credentials") {
		t.Errorf("log: %s", lines)
	}
	if f.count() != 0 {
		t.Errorf("%d requests", f.count())
	}
}

// F20: a source that hangs keeps nobody who has credentials that are still good, and what
// it says later is not lost.
func TestSourceHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slow, asked atomic.Int64
		life, end := context.WithCancel(t.Context())
		creds := s3backend.Credentials(life, aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
			n := asked.Add(1)
			select {
			case <-time.After(time.Duration(slow.Load())):
			case <-ctx.Done():
				return aws.Credentials{}, ctx.Err()
			}
			return aws.Credentials{AccessKeyID: fmt.Sprint(n), SecretAccessKey: "s", CanExpire: true, Expires: time.Now().Add(20 * time.Minute)}, nil
		}), time.Minute)
		want := func(id string, most time.Duration) {
			t.Helper()
			start := time.Now()
			if got, err := creds.Retrieve(t.Context()); err != nil || got.AccessKeyID != id {
				t.Errorf("credentials %q, %v; want %q", got.AccessKeyID, err, id)
			}
			within(t, start, 0, most)
		}
		want("1", 0)
		time.Sleep(16 * time.Minute)
		slow.Store(int64(30 * time.Second))
		want("1", 2*time.Second)
		time.Sleep(time.Minute)
		want("2", 0)
		slow.Store(int64(time.Hour))
		time.Sleep(15 * time.Minute)
		for range 3 {
			want("2", 2*time.Second)
			time.Sleep(time.Minute)
		}
		time.Sleep(2 * time.Minute)
		start := time.Now()
		if _, err := creds.Retrieve(t.Context()); err == nil {
			t.Error("credentials after their end")
		}
		within(t, start, 0, time.Minute)

		// What it said to nobody, long ago, is not believed: neither credentials nor a failure.
		for _, late := range []time.Duration{30 * time.Second, time.Hour} {
			slow.Store(0)
			want(fmt.Sprint(asked.Load()+1), 0)
			time.Sleep(16 * time.Minute)
			slow.Store(int64(late))
			want(fmt.Sprint(asked.Load()), 2*time.Second)
			time.Sleep(2 * time.Hour)
			slow.Store(0)
			want(fmt.Sprint(asked.Load()+1), 0)
			time.Sleep(2 * time.Hour)
		}
		end()
		synctest.Wait()
	})
}

// F21: our clock is wrong by hours; the SDK signs with the server's, once told.
func TestClockSkew(t *testing.T) {
	for _, ahead := range []time.Duration{3 * time.Hour, -3 * time.Hour} {
		for _, method := range []string{"GET", "HEAD"} {
			f := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
				now := time.Now().Add(ahead).UTC()
				w.Header().Set("Date", now.Format(http.TimeFormat))
				signed, _ := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
				if now.Sub(signed).Abs() > 15*time.Minute {
					fail(w, 403, "RequestTimeTooSkewed")
					return
				}
				right(w, r)
			})
			c := f.client(t)
			for range 2 {
				var err error
				if method == "HEAD" {
					_, err = c.Head(context.Background(), object.Key)
				} else {
					_, err = read(c)
				}
				if err != nil {
					t.Errorf("%s, server %v ahead: %v", method, ahead, err)
				}
			}
			if f.count() != 3 {
				t.Errorf("%s, server %v ahead: %d requests, want 3", method, ahead, f.count())
			}
		}
	}
}

// F21: several requests were under way when the server's clock began to differ, or
// to agree again. Each is signed anew.
func TestClockSkewUnderConcurrency(t *testing.T) {
	const callers = 4
	var (
		ahead   atomic.Int64
		refused sync.WaitGroup // released once all callers were refused
	)
	f := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		now := time.Now().Add(time.Duration(ahead.Load())).UTC()
		w.Header().Set("Date", now.Format(http.TimeFormat))
		signed, _ := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
		if now.Sub(signed).Abs() > 15*time.Minute {
			refused.Done()
			refused.Wait()
			fail(w, 403, "RequestTimeTooSkewed")
			return
		}
		right(w, r)
	})
	c := f.client(t)
	for _, d := range []time.Duration{3 * time.Hour, -3 * time.Hour, 0} {
		ahead.Store(int64(d))
		refused.Add(callers)
		var all sync.WaitGroup
		for range callers {
			all.Go(func() {
				if _, err := c.Head(context.Background(), object.Key); err != nil {
					t.Errorf("server %v ahead: %v", d, err)
				}
			})
		}
		all.Wait()
	}
}
