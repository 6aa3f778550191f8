package prefetch_test

import (
	"cmp"
	"context"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/zs3fs/zs3fs/blockcache"
	"github.com/zs3fs/zs3fs/prefetch"
	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

const (
	block   = 1 << 10
	request = 8 * block
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// source is a bucket in memory with the manners of a distant one: each request
// takes latency to its first byte, then interval a block. It counts what is asked
// for and fails on demand.
type source struct {
	bucket   *s3test.Mem
	latency  time.Duration
	interval time.Duration
	refused  atomic.Int64 // requests, as too many

	mu       sync.Mutex
	fail     func(off, n int64) error // asked before each request
	requests int
	opened   map[int64]int // requests for each block
	bytes    int64         // delivered
	open     int           // bodies not closed
	most     int           // the most bodies open at once
}

func (s *source) Open(ctx context.Context, obj s3backend.Object, off, n int64) (io.ReadCloser, error) {
	s.mu.Lock()
	s.requests++
	for b := off / block; b < (off+n+block-1)/block; b++ {
		s.opened[b]++
	}
	fail := s.fail
	s.mu.Unlock()
	if err := sleep(ctx, s.latency); err != nil {
		return nil, err
	}
	if fail != nil {
		if err := fail(off, n); err != nil {
			return nil, err
		}
	}
	rc, err := s.bucket.Open(ctx, obj, off, n)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.open++
	s.most = max(s.most, s.open)
	s.mu.Unlock()
	return &body{ReadCloser: rc, ctx: ctx, src: s}, nil
}

type body struct {
	io.ReadCloser
	ctx context.Context
	src *source
}

func (b *body) Read(p []byte) (int, error) {
	if err := sleep(b.ctx, b.src.interval*time.Duration(len(p))/block); err != nil {
		return 0, err
	}
	n, err := b.ReadCloser.Read(p)
	b.src.mu.Lock()
	b.src.bytes += int64(n)
	b.src.mu.Unlock()
	return n, err
}

func (b *body) Close() error {
	b.src.mu.Lock()
	b.src.open--
	b.src.mu.Unlock()
	return b.ReadCloser.Close()
}

func sleep(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return ctx.Err()
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *source) set(fail func(off, n int64) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = fail
}

// seen returns the number of requests, the bytes delivered, and how often the
// block most often asked for was.
func (s *source) seen() (requests int, bytes int64, most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.opened {
		most = max(most, n)
	}
	return s.requests, s.bytes, most
}

func (s *source) bodies() (open, most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open, s.most
}

// world is the read path over a source, in a synctest bubble.
type world struct {
	t    *testing.T
	src  *source
	crew *prefetch.Crew
	mem  *blockcache.Memory
	obj  s3backend.Object
}

type shape struct {
	size        int64 // of the object
	memory      int64
	budget      int64 // of the cache; 0 for plenty
	diskless    bool  // there is no cache but memory
	connections int
	window      int64
	request     int64 // 0 for request
	stride      int64
	latency     time.Duration
	interval    time.Duration
}

// run builds a world with one object of coded contents, and takes it down.
func run(t *testing.T, s shape, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		bucket := s3test.NewMem()
		w := &world{t: t, src: &source{
			bucket: bucket, latency: s.latency, interval: s.interval, opened: map[int64]int{},
		}}
		w.obj = bucket.Put("object", s3test.Coded(1, 1, s.size))
		w.mem = blockcache.NewMemory(s.memory, block)
		config := blockcache.Config{BlockSize: block, Memory: w.mem}
		if !s.diskless {
			config.Dir, config.Budget, config.WriteQueue = t.TempDir(), cmp.Or(s.budget, 1<<30), s.memory/2
		}
		cache, err := blockcache.Open(config)
		if err != nil {
			t.Fatal(err)
		}
		w.crew = prefetch.New(prefetch.Config{
			Cache: cache, Source: w.src, Memory: w.mem, Throttled: w.src.refused.Load,
			Connections: s.connections, RequestSize: cmp.Or(s.request, request), MaxWindow: s.window, Stride: s.stride,
		})
		defer func() {
			if err := w.crew.Close(); err != nil {
				t.Error(err)
			}
			if n := w.crew.Stats().Streams; n != 0 {
				t.Errorf("%d streams share the window, and nobody reads", n)
			}
			if open, _ := w.src.bodies(); open != 0 {
				t.Errorf("%d bodies left open", open)
			}
			if err := cache.Close(); err != nil {
				t.Error(err)
			}
		}()
		f(w)
	})
}

// near is a server 20 ms away that gives 80 blocks a second a connection.
func near(size int64) shape {
	return shape{
		size: size, memory: 4 << 20, connections: 32, window: 384 * block,
		latency: 20 * time.Millisecond, interval: 12500 * time.Microsecond,
	}
}

// open returns a reader that is closed with the test.
func (w *world) open() *prefetch.Reader { return w.crew.Open(w.obj) }

// read reads and checks n bytes at off.
func (w *world) read(r *prefetch.Reader, off, n int64) {
	w.t.Helper()
	if err := w.try(context.Background(), r, off, n); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) try(ctx context.Context, r *prefetch.Reader, off, n int64) error {
	return w.tryBy(r.Read, ctx, off, n)
}

// tryBy is try by one of a reader's ways of reading.
func (w *world) tryBy(read func(context.Context, []byte, int64) (prefetch.Result, error), ctx context.Context, off, n int64) error {
	res, err := read(ctx, make([]byte, n), off)
	if err != nil {
		return err
	}
	defer res.Release()
	if want := max(min(n, w.obj.Size-off), 0); int64(res.Len()) != want {
		w.t.Errorf("read at %d: %d bytes, not %d", off, res.Len(), want)
	}
	for _, s := range res.Slices {
		if err := s3test.CheckCoded(s, off, 1, 1); err != nil {
			w.t.Errorf("read at %d: %v", off, err)
		}
		off += int64(len(s))
	}
	return nil
}

func (w *world) close(r *prefetch.Reader) {
	w.t.Helper()
	if err := r.Close(); err != nil {
		w.t.Error(err)
	}
}

// expect checks that each block was asked for once at most and nothing beyond
// extra bytes more than read was delivered, in no more than so many requests.
func (w *world) expect(requests int, bytes int64) {
	w.t.Helper()
	synctest.Wait()
	got, delivered, most := w.src.seen()
	if got > requests || delivered > bytes || most > 1 {
		w.t.Errorf("%d requests (at most %d), %d bytes (at most %d), a block up to %d times (at most once)",
			got, requests, delivered, bytes, most)
	}
}
