package conformance_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
	"github.com/zs3fs/zs3fs/s3backend/s3test/conformance"
)

// filed is the server whose contents lie in files, which it sends by sendfile: as
// benchmarks use it.
func filed(t testing.TB, m *s3test.Mem) conformance.Target {
	target := server(t, m)
	dir, last := t.TempDir(), new(atomic.Int64)
	target.Put = func(_ context.Context, key string, c s3test.Content) error {
		path := filepath.Join(dir, fmt.Sprint(last.Add(1)))
		if err := save(path, c); err != nil {
			return err
		}
		f, err := s3test.File(path)
		if err != nil {
			return err
		}
		t.Cleanup(func() { f.Close() })
		// Other bytes before and behind, as in a file of many objects.
		m.Put(key, s3test.Section(f, 1, c.Size()))
		return nil
	}
	return target
}

func save(path string, c s3test.Content) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, part := range []s3test.Content{s3test.Bytes([]byte("<")), c, s3test.Bytes([]byte(">"))} {
		if _, err := io.Copy(f, io.NewSectionReader(part, 0, part.Size())); err != nil {
			return err
		}
	}
	return f.Close()
}

func TestClientOfFiles(t *testing.T) { conformance.TestBucket(t, plain(filed)) }
