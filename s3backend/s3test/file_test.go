package s3test_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// codedFile writes Coded(1, 1, size) to a file and opens it as a Content.
func codedFile(t *testing.T, size int64) s3test.Content {
	t.Helper()
	path := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(path, read(t, s3test.Coded(1, 1, size), 0, size), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := s3test.File(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// The bytes are the same whether the kernel sends them or the server reads them,
// shaped or not, and also where the answer breaks.
func TestFileIsSent(t *testing.T) {
	const size = 3<<20 + 5
	content := codedFile(t, size)
	secure := httptest.NewUnstartedServer(nil)
	secure.StartTLS()
	defer secure.Close()
	trust := secure.Client().Transport.(*http.Transport).TLSClientConfig
	for name, cfg := range map[string]s3test.ServerConfig{
		"plain": {}, "shaped": {Rate: 500e6}, "TLS": {TLS: &tls.Config{Certificates: secure.TLS.Certificates}},
	} {
		t.Run(name, func(t *testing.T) {
			f := serve(t, cfg)
			f.client.Transport.(*http.Transport).TLSClientConfig = trust
			f.mem.Put("whole", content)
			f.mem.PutWith("part", s3test.Section(content, 16, 1<<20), s3test.PutOptions{ETag: `"x-1"`})
			wantCoded(t, f.must(t, "GET", "/whole"), 0, size)
			wantCoded(t, f.must(t, "GET", "/whole", "Range", "bytes=7-2000000"), 7, 1999994)
			wantCoded(t, f.must(t, "GET", "/whole", "Range", "bytes=-9"), size-9, 9)
			wantCoded(t, f.must(t, "GET", "/part"), 16, 1<<20)
			wantCoded(t, f.must(t, "GET", "/part", "Range", "bytes=5-5"), 21, 1)
			if sent, want := f.BytesSent(), int64(size+1999994+9+1<<20+1); sent != want {
				t.Errorf("%d bytes sent, want %d", sent, want)
			}
			f.Inject(s3test.Fault{Do: s3test.Truncate(1000)})
			g, err := f.do(t, "GET", "/whole")
			if err != nil || g.err != io.ErrUnexpectedEOF {
				t.Fatalf("cut: %v, %v", err, g.err)
			}
			wantCoded(t, got{g.Response, g.body, nil}, 0, 1000)
		})
	}
}

func wantCoded(t *testing.T, g got, off, n int64) {
	t.Helper()
	if int64(len(g.body)) != n {
		t.Fatalf("%d bytes, want %d", len(g.body), n)
	}
	if err := s3test.CheckCoded(g.body, off, 1, 1); err != nil {
		t.Error(err)
	}
}

func TestFileIsAContent(t *testing.T) {
	content := codedFile(t, 1000)
	if content.Size() != 1000 {
		t.Errorf("size %d", content.Size())
	}
	var b bytes.Buffer
	if _, err := io.Copy(&b, io.NewSectionReader(content, 0, 1000)); err != nil || s3test.CheckCoded(b.Bytes(), 0, 1, 1) != nil {
		t.Errorf("%d bytes, %v", b.Len(), err)
	}
	if _, err := s3test.File(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that is not there was opened")
	}
}
