package blockcache_test

import (
	"context"
	"fmt"
	"io"
	"testing"

	"github.com/zs3fs/zs3fs/blockcache"
	"github.com/zs3fs/zs3fs/s3backend"
)

const mib = 1 << 20

// pattern is a source that costs as much as a copy out of a socket's buffer.
type pattern struct{ bytes []byte }

func (p *pattern) Open(_ context.Context, _ s3backend.Object, _, n int64) (io.ReadCloser, error) {
	return io.NopCloser(&patternBody{p.bytes, n}), nil
}

type patternBody struct {
	bytes []byte
	left  int64
}

func (b *patternBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(int64(len(p)), b.left)], b.bytes)
	b.left -= int64(n)
	return n, nil
}

func newPattern() *pattern {
	p := &pattern{bytes: make([]byte, 64<<10)} // a TLS record or a socket's read are smaller
	for i := range p.bytes {
		p.bytes[i] = byte(i * 7)
	}
	return p
}

func benchCache(b *testing.B, budget int64) *blockcache.Cache {
	cfg := config(b.TempDir(), 0)
	cfg.BlockSize, cfg.Budget, cfg.WriteQueue = mib, budget, 64*mib
	cfg.Memory = blockcache.NewMemory(160*mib, mib)
	c := open(b, cfg)
	b.Cleanup(func() { closeCache(b, c) })
	return c
}

// BenchmarkFlight is the cold path: requests of 8 MiB, each block read once.
func BenchmarkFlight(b *testing.B) {
	for name, budget := range map[string]int64{"memory": 0, "disk": 1 << 30} {
		b.Run(name, func(b *testing.B) {
			c, src := benchCache(b, budget), newPattern()
			b.SetBytes(8 * mib)
			for i := range b.N {
				v := c.Version(codedObject(fmt.Sprint(i), 8*mib))
				fetch(b, v, src, 0, 8, true)
				for off := int64(0); off < 8*mib; off += mib {
					chunk, err := v.Read(b.Context(), nil, off, mib)
					if err != nil {
						b.Fatal(err)
					}
					chunk.Release()
				}
				v.Close()
			}
			b.ReportMetric(float64(c.Stats().Dropped)/float64(8*b.N), "dropped/block")
		})
	}
}

// BenchmarkRead is the warm path, by the size of a read.
func BenchmarkRead(b *testing.B) {
	const size = 64 * mib
	for _, where := range []string{"memory", "disk"} {
		for _, n := range []int{4 << 10, 128 << 10, mib} {
			b.Run(fmt.Sprintf("%s/%dKiB", where, n>>10), func(b *testing.B) {
				cfg := config(b.TempDir(), 0)
				cfg.BlockSize, cfg.WriteQueue = mib, 64*mib
				cfg.Memory = blockcache.NewMemory(160*mib, mib)
				if where == "disk" {
					cfg.Budget, cfg.Memory = 1<<30, blockcache.NewMemory(8*mib, mib)
				}
				c, src := open(b, cfg), newPattern()
				defer closeCache(b, c)
				v := c.Version(codedObject("a", size))
				defer v.Close()
				scratch := make([]byte, mib)
				scan := func(limit int) {
					for i, off := 0, int64(0); i < limit; i, off = i+1, (off+int64(n))%size {
						if _, err := readOnce(b.Context(), v, src, scratch, off, n, func([]byte) error { return nil }); err != nil {
							b.Fatal(err)
						}
					}
				}
				scan(size / n)
				b.SetBytes(int64(n))
				b.ResetTimer()
				scan(b.N)
			})
		}
	}
}
