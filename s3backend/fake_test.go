package s3backend_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/zs3fs/zs3fs/s3backend"
)

func TestMain(m *testing.M) {
	// No machine's profile, role or proxy may reach these tests.
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "AWS_") || strings.HasSuffix(strings.ToLower(name), "_proxy") {
			os.Unsetenv(name)
		}
	}
	os.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	os.Setenv("AWS_CONFIG_FILE", os.DevNull)
	os.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	os.Setenv("AWS_ACCESS_KEY_ID", "AKIATESTTESTTESTTEST")
	os.Setenv("AWS_SECRET_ACCESS_KEY", canarySecret)
	goleak.VerifyTestMain(m)
}

const (
	canarySecret = "canary-secret-access-key"
	etag         = `"0123456789abcdef"`
	objectSize   = 256 << 10
)

// content makes every byte depend on its offset, with a period no range has.
func content(size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i) ^ byte(i>>8)*31 ^ byte(i>>16)*17
	}
	return b
}

var data = content(objectSize)

var object = s3backend.Object{Key: "dir/object", ETag: etag, Size: objectSize}

// fake answers with one handler and counts requests.
type fake struct {
	*httptest.Server
	mu       sync.Mutex
	requests []*http.Request
}

// serve starts a server that calls handler with the number of the request, from
// 1. It lists no versions: who asks for them is told so, and not counted.
func serve(t *testing.T, handler func(w http.ResponseWriter, r *http.Request, n int)) *fake {
	t.Helper()
	f := &fake{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("versions") {
			fail(w, http.StatusNotImplemented, "NotImplemented")
			return
		}
		f.mu.Lock()
		f.requests = append(f.requests, r)
		n := len(f.requests)
		f.mu.Unlock()
		handler(w, r, n)
	}))
	t.Cleanup(func() {
		f.CloseClientConnections()
		f.Close()
	})
	return f
}

func (f *fake) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.requests)
}

func (f *fake) request(n int) *http.Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.requests[n-1]
}

// quick are time-outs short enough for tests of failures and long enough for a
// busy machine to answer in.
func (f *fake) quick() s3backend.Options {
	return s3backend.Options{
		Bucket:         "bucket",
		EndpointURL:    f.URL,
		Region:         "us-east-1",
		ConnectTimeout: 500 * time.Millisecond,
		HeaderTimeout:  500 * time.Millisecond,
		StallTimeout:   200 * time.Millisecond,
		RequestTimeout: 10 * time.Second,
		Retries:        3,
	}
}

func (f *fake) client(t *testing.T, change ...func(*s3backend.Options)) *s3backend.Client {
	t.Helper()
	o := f.quick()
	for _, fn := range change {
		fn(&o)
	}
	return newClient(t, o)
}

func newClient(t *testing.T, o s3backend.Options) *s3backend.Client {
	t.Helper()
	c, err := s3backend.New(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// asked parses the request's Range.
func asked(r *http.Request) (first, last int64) {
	span := strings.TrimPrefix(r.Header.Get("Range"), "bytes=")
	a, b, _ := strings.Cut(span, "-")
	first, _ = strconv.ParseInt(a, 10, 64)
	last, _ = strconv.ParseInt(b, 10, 64)
	return first, last
}

// header writes the right header for the range asked for, without the status.
func header(w http.ResponseWriter, r *http.Request) []byte {
	first, last := asked(r)
	w.Header().Set("ETag", etag)
	w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, last, objectSize))
	w.Header().Set("Content-Length", strconv.FormatInt(last-first+1, 10))
	return data[first : last+1]
}

// right answers as S3 does.
func right(w http.ResponseWriter, r *http.Request) {
	body := header(w, r)
	w.WriteHeader(http.StatusPartialContent)
	w.Write(body)
}

// fail answers with an S3 error document.
func fail(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, `<?xml version="1.0"?><Error><Code>%s</Code><Message>m</Message><RequestId>R1</RequestId></Error>`, code)
}

// hangUp closes the connection under the answer, with what was written flushed.
func hangUp(w http.ResponseWriter, reset bool) {
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	if tcp, ok := conn.(interface{ SetLinger(int) error }); ok && reset {
		tcp.SetLinger(0)
	}
	conn.Close()
}
