package blockcache_test

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/zs3fs/zs3fs/blockcache"
	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// kib is the block size of all tests: small, so that they are many.
const kib = 1024

// seed is that of all coded contents here.
const seed = 7

func check(t testing.TB, data []byte, off int64) {
	t.Helper()
	if err := s3test.CheckCoded(data, off, seed, 1); err != nil {
		t.Fatal(err)
	}
}

// memoryOnly opens a cache without a disk and with so many blocks of memory.
func memoryOnly(t testing.TB, blocks int64) (*blockcache.Cache, *blockcache.Memory) {
	t.Helper()
	mem := blockcache.NewMemory(blocks*kib, kib)
	c, err := blockcache.Open(blockcache.Config{BlockSize: kib, Memory: mem})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, mem
}

func codedObject(key string, size int64) s3backend.Object {
	return s3backend.Object{Key: key, ETag: `"` + key + `"`, Size: size}
}

// source answers with coded bytes and counts requests.
type source struct {
	requests atomic.Int64
	bytes    atomic.Int64
	// body, when set, replaces the body of a request.
	body func(ctx context.Context, r io.Reader) io.Reader
}

func (s *source) Open(ctx context.Context, obj s3backend.Object, off, n int64) (io.ReadCloser, error) {
	s.requests.Add(1)
	s.bytes.Add(n)
	var r io.Reader = io.NewSectionReader(s3test.Coded(seed, 1, obj.Size), off, n)
	if s.body != nil {
		r = s.body(ctx, r)
	}
	return io.NopCloser(r), nil
}

// faucet is a body that lets through only what was poured.
type faucet struct {
	mu     sync.Mutex
	poured int64
	more   chan struct{}
	err    error
}

func newFaucet() *faucet { return &faucet{more: make(chan struct{})} }

func (f *faucet) pour(n int64) { f.turn(n, nil) }

func (f *faucet) fail(err error) { f.turn(0, err) }

func (f *faucet) turn(n int64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.poured += n
	f.err = err
	close(f.more)
	f.more = make(chan struct{})
}

func (f *faucet) body(ctx context.Context, r io.Reader) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		for {
			f.mu.Lock()
			n, err, more := min(f.poured, int64(len(p))), f.err, f.more
			f.poured -= n
			f.mu.Unlock()
			if n > 0 {
				return r.Read(p[:n])
			}
			if err != nil {
				return 0, err
			}
			select {
			case <-more:
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		}
	})
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// readAll reads a version from front to end as a demanding reader without any
// reading ahead does, in pieces of at most n bytes.
func readAll(t testing.TB, v *blockcache.Version, src blockcache.Source, n int) {
	t.Helper()
	scratch := make([]byte, n)
	for off := int64(0); off < v.Object().Size; {
		got, err := readOnce(t.Context(), v, src, scratch, off, n, func(p []byte) error {
			return s3test.CheckCoded(p, off, seed, 1)
		})
		if err != nil {
			t.Fatalf("read at %d: %v", off, err)
		}
		off += int64(got)
	}
}

// readOnce reads at off, fetching the block where it is missing.
func readOnce(ctx context.Context, v *blockcache.Version, src blockcache.Source, scratch []byte, off int64, n int, look func([]byte) error) (int, error) {
	for {
		chunk, err := v.Read(ctx, scratch, off, n)
		switch err {
		case nil:
			defer chunk.Release()
			return len(chunk.Data), look(chunk.Data)
		case blockcache.ErrMiss:
			if f := v.Claim(off/v.BlockSize(), 1, true); f != nil {
				if err := f.Run(ctx, src); err != nil {
					return 0, err
				}
			}
		default:
			return 0, err
		}
	}
}
