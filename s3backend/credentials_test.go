package s3backend_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

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
	for _, status := range []int{400, 403} {
		name := tempFile(t, "")
		writeCredentials(t, name, "AKIAONE", "token-one")
		accepted := "token-one"
		f := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
			if r.Header.Get("X-Amz-Security-Token") != accepted {
				fail(w, status, "ExpiredToken")
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
		writeCredentials(t, name, "AKIATHREE", "token-three")
		if _, err := read(c); err != nil {
			t.Errorf("when they are back: %v", err)
		}
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
	_, err := f.client(t).Probe(context.Background(), "")
	if !errors.Is(err, s3backend.ErrCredentials) || f.count() != 0 || time.Since(start) > 5*time.Second {
		t.Errorf("%v after %d requests", err, f.count())
	}
}

// F20: credentials that end soon are renewed ahead; when their source fails, the
// last good ones serve until their end.
func TestSourceFails(t *testing.T) {
	script := tempFile(t, "")
	config := tempFile(t, "[profile p]\ncredential_process = sh "+script+"\n")
	t.Setenv("AWS_CONFIG_FILE", config)
	say := func(token string, life time.Duration) {
		text := fmt.Sprintf(`echo '{"Version":1,"AccessKeyId":"AKIAP","SecretAccessKey":"%s","SessionToken":"%s","Expiration":"%s"}'`,
			canarySecret, token, time.Now().Add(life).UTC().Format(time.RFC3339))
		if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) { right(w, r) })
	c := f.client(t, func(o *s3backend.Options) { o.Profile = "p" })
	token := func() string {
		if _, err := read(c); err != nil {
			t.Fatal(err)
		}
		return f.request(f.count()).Header.Get("X-Amz-Security-Token")
	}
	say("one", 2*time.Minute) // less than they are renewed ahead
	if got := token(); got != "one" {
		t.Fatalf("token %q", got)
	}
	os.WriteFile(script, []byte("exit 1"), 0o600)
	if got := token(); got != "one" {
		t.Errorf("while the source fails: token %q", got)
	}
	if got := token(); got != "one" {
		t.Errorf("while the source fails: token %q", got)
	}
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
