package s3test_test

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"testing"

	"go.uber.org/goleak"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fixture is a server with the client that a test speaks raw HTTP with.
type fixture struct {
	*s3test.Server
	mem    *s3test.Mem
	client *http.Client
}

func serve(t testing.TB, cfg s3test.ServerConfig) *fixture {
	t.Helper()
	m := s3test.NewMem()
	s, err := s3test.NewServer(m, cfg)
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{DisableCompression: true}
	t.Cleanup(func() { tr.CloseIdleConnections(); s.Close() })
	noRedirects := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &fixture{s, m, &http.Client{Transport: tr, CheckRedirect: noRedirects}}
}

// got is an answer as far as it was received.
type got struct {
	*http.Response
	body []byte
	err  error // of the body
}

// do sends a request for /bucket+path; header pairs follow.
func (f *fixture) do(t testing.TB, method, path string, header ...string) (got, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, f.URL()+"/bucket"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := f.client.Do(r)
	if err != nil {
		return got{}, err
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	_, err = io.Copy(&b, resp.Body)
	return got{resp, b.Bytes(), err}, nil
}

// must is do where an answer has to come, whole.
func (f *fixture) must(t testing.TB, method, path string, header ...string) got {
	t.Helper()
	g, err := f.do(t, method, path, header...)
	if err != nil || g.err != nil {
		t.Fatalf("%s %s: %v, %v", method, path, err, g.err)
	}
	return g
}

func (g got) length() int64 {
	n, err := strconv.ParseInt(g.Header.Get("Content-Length"), 10, 64)
	if err != nil {
		return -1
	}
	return n
}
