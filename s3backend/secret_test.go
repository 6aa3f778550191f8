package s3backend_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/zs3fs/zs3fs/s3backend"
)

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// No secret is in an error or a log line, at the lowest level, also when a server
// sends back whatever it was sent.
func TestCanary(t *testing.T) {
	key := "canary-sse-key-0123456789abcdef!"
	const token = "canary-session-token"
	secrets := []string{canarySecret, token, key, base64.StdEncoding.EncodeToString([]byte(key))}
	name := tempFile(t, "")
	writeCredentials(t, name, "AKIACANARY", token)

	var logged safeBuffer
	var errs []string
	echo := func(status int, code string) func(http.ResponseWriter, *http.Request, int) {
		return func(w http.ResponseWriter, r *http.Request, n int) {
			var all strings.Builder
			for k, v := range r.Header {
				all.WriteString(k + ": " + strings.Join(v, ",") + "; ")
			}
			w.Header().Set("Location", "http://127.0.0.2/"+token)
			w.WriteHeader(status)
			w.Write([]byte("<Error><Code>" + code + "</Code><Message>" + all.String() + "</Message></Error>"))
		}
	}
	for _, f := range []*fake{
		serve(t, echo(403, "SignatureDoesNotMatch")), serve(t, echo(400, "ExpiredToken")), serve(t, echo(500, "InternalError")),
		serve(t, echo(307, "TemporaryRedirect")), serve(t, echo(200, "Nothing")), serve(t, echo(206, "Nothing")),
		serve(t, func(w http.ResponseWriter, r *http.Request, _ int) { hangUp(w, true) }),
	} {
		c := f.client(t, func(o *s3backend.Options) {
			o.Logger = slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug - 4}))
			o.SharedCredentialsFile = name
			o.SSECKeyFile = tempFile(t, key)
			o.Retries = 2
		})
		_, head := c.Head(context.Background(), "k")
		_, get := read(c)
		_, _, list := c.Probe(context.Background(), "", 1000)
		for _, err := range []error{head, get, list} {
			if err != nil {
				errs = append(errs, err.Error())
			}
		}
	}
	text := logged.b.String() + strings.Join(errs, "\n")
	if len(logged.b.String()) < 1000 || len(errs) < 15 {
		t.Fatalf("too little was said for this test to mean anything:\n%s", text)
	}
	for _, s := range secrets {
		if strings.Contains(text, s) {
			t.Errorf("%q is in the output", s)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}
