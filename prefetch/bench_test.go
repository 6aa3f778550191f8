package prefetch_test

import (
	"context"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zs3fs/zs3fs/blockcache"
	"github.com/zs3fs/zs3fs/prefetch"
	"github.com/zs3fs/zs3fs/s3backend"
)

// distant is a source as a bucket is: 20 ms to the first byte, then 80 MB/s a
// connection.
type distant struct {
	requests, bytes atomic.Int64
}

func (d *distant) Open(ctx context.Context, _ s3backend.Object, _, n int64) (io.ReadCloser, error) {
	d.requests.Add(1)
	if err := sleep(ctx, 20*time.Millisecond); err != nil {
		return nil, err
	}
	return &paced{d: d, ctx: ctx, left: n, began: time.Now()}, nil
}

type paced struct {
	d          *distant
	ctx        context.Context
	left, sent int64
	began      time.Time
}

func (b *paced) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), b.left, 256<<10)
	due := time.Duration(float64(b.sent+n) / 80e6 * float64(time.Second))
	if wait := due - time.Since(b.began); wait > 0 {
		if err := sleep(b.ctx, wait); err != nil {
			return 0, err
		}
	}
	clear(p[:n]) // costs what a copy from a socket costs, about
	b.left, b.sent = b.left-n, b.sent+n
	b.d.bytes.Add(n)
	return int(n), nil
}

func (b *paced) Close() error { return nil }

func benchmark(b *testing.B, size, memory, budget int64, read func(r *prefetch.Reader, scratch []byte)) {
	src := &distant{}
	var elapsed time.Duration
	for i := range b.N {
		mem := blockcache.NewMemory(memory, mi)
		cache, err := blockcache.Open(blockcache.Config{
			Dir: b.TempDir(), BlockSize: mi, Budget: budget, WriteQueue: 128 * mi, Memory: mem,
		})
		if err != nil {
			b.Fatal(err)
		}
		crew := prefetch.New(prefetch.Config{
			Cache: cache, Source: src, Memory: mem, Connections: 32, RequestSize: 8 * mi, MaxWindow: 384 * mi,
		})
		r := crew.Open(s3backend.Object{Key: "object", ETag: `"e"`, Size: size, ModTime: time.Unix(int64(i), 0)})
		scratch := make([]byte, mi)
		began := time.Now()
		read(r, scratch)
		elapsed += time.Since(began)
		for _, close := range []func() error{r.Close, crew.Close, cache.Close} {
			if err := close(); err != nil {
				b.Fatal(err)
			}
		}
	}
	n := float64(b.N)
	b.ReportMetric(float64(size)*n/1e6/elapsed.Seconds(), "MB/s")
	b.ReportMetric(float64(src.requests.Load())/n, "GETs")
	b.ReportMetric(float64(src.bytes.Load())/n/float64(size), "fetched/read")
}

// BenchmarkSequential reads 1 GiB in pieces of 1 MiB, with the cache on disk and
// without, with much memory and little.
func BenchmarkSequential(b *testing.B) {
	const size = 1024 * mi
	for _, c := range []struct {
		name           string
		memory, budget int64
	}{
		{"disk/256MiB", 256 * mi, 4 * size},
		{"disk/64MiB", 64 * mi, 4 * size},
		{"memory/256MiB", 256 * mi, 0},
		{"memory/64MiB", 64 * mi, 0},
	} {
		b.Run(c.name, func(b *testing.B) {
			benchmark(b, size, c.memory, c.budget, func(r *prefetch.Reader, scratch []byte) {
				for off := int64(0); off < size; off += mi {
					res, err := r.Read(context.Background(), scratch, off)
					if err != nil {
						b.Fatal(err)
					}
					res.Release()
				}
			})
		})
	}
}

// BenchmarkHit is what reading a block in memory costs beside the copy.
func BenchmarkHit(b *testing.B) {
	src := &distant{}
	mem := blockcache.NewMemory(64*mi, mi)
	cache, err := blockcache.Open(blockcache.Config{Dir: b.TempDir(), BlockSize: mi, Memory: mem})
	if err != nil {
		b.Fatal(err)
	}
	crew := prefetch.New(prefetch.Config{
		Cache: cache, Source: src, Memory: mem, Connections: 32, RequestSize: 8 * mi, MaxWindow: 384 * mi,
	})
	r := crew.Open(s3backend.Object{Key: "object", ETag: `"e"`, Size: 64 * mi})
	scratch := make([]byte, 4096)
	for b.Loop() {
		res, err := r.Read(context.Background(), scratch, 20*mi)
		if err != nil {
			b.Fatal(err)
		}
		res.Release()
	}
	for _, close := range []func() error{r.Close, crew.Close, cache.Close} {
		if err := close(); err != nil {
			b.Fatal(err)
		}
	}
}
