package catalog_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/s3backend/catalog"
	"github.com/zs3fs/zs3fs/s3backend/catalog/ledger"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// BenchmarkPersist is a million names: in one directory, or in 100,000.
func BenchmarkPersist(b *testing.B) {
	for _, shape := range []struct {
		name        string
		dirs, names int
	}{{"flat", 1, 1_000_000}, {"tree", 100_000, 10}} {
		bucket := s3test.NewMem()
		content := s3test.Bytes([]byte("x"))
		for d := range shape.dirs {
			for n := range shape.names {
				bucket.Put(fmt.Sprintf("%06d/part-%07d.parquet", d, n), content)
			}
		}
		walk := func(b *testing.B, c *catalog.Catalog) {
			for d := range shape.dirs {
				if l, err := c.List(context.Background(), fmt.Sprintf("%06d", d)); err != nil || l.Len() != shape.names {
					b.Fatal(err)
				}
			}
		}
		dir := roomAt(b.TempDir())
		for _, kept := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/list/kept=%v", shape.name, kept), func(b *testing.B) {
				start := processorTime()
				for b.Loop() {
					cfg := catalog.Config{Bucket: bucket, TTL: time.Hour}
					if kept {
						_ = ledger.Remove(dir)
						cfg.Ledger = ledger.Open(ledger.Config{Dir: dir, Limit: 256 << 20})
					}
					c, err := catalog.New(cfg)
					if err != nil {
						b.Fatal(err)
					}
					walk(b, c)
					c.Close()
					if kept {
						cfg.Ledger.Close()
						s := cfg.Ledger.Stats()
						b.ReportMetric(float64(s.Bytes), "bytes")
						b.ReportMetric(float64(s.LeftOut), "left-out")
					}
				}
				b.ReportMetric(float64(processorTime()-start)/1e6/float64(b.N), "cpu-ms/op")
			})
		}
		b.Run(shape.name+"/open", func(b *testing.B) {
			for b.Loop() {
				l := ledger.Open(ledger.Config{Dir: dir, Limit: 256 << 20})
				l.Get('l', "none", time.Time{}) // when it has been looked through
				l.Close()
			}
		})
		b.Run(shape.name+"/recall", func(b *testing.B) {
			for b.Loop() {
				l := ledger.Open(ledger.Config{Dir: dir, Limit: 256 << 20})
				c, err := catalog.New(catalog.Config{Bucket: nobody{}, TTL: time.Hour, Ledger: l})
				if err != nil {
					b.Fatal(err)
				}
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				walk(b, c)
				runtime.GC()
				runtime.ReadMemStats(&after)
				b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc)), "heap-bytes")
				c.Close()
				l.Close()
			}
		})
	}
}

func processorTime() time.Duration {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u) // cannot fail
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// nobody is a bucket that must not be asked.
type nobody struct{ *s3test.Mem }
