package prefetch_test

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/zs3fs/zs3fs/blockcache"
	"github.com/zs3fs/zs3fs/prefetch"
	"github.com/zs3fs/zs3fs/s3backend"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// naively reads an object as one body, as a program without the library does: the
// download waits for the work, and the work for the download.
func naively(src blockcache.Source, obj s3backend.Object) error {
	body, err := src.Open(context.Background(), obj, 0, obj.Size)
	if err != nil {
		return err
	}
	_, err = io.CopyBuffer(crc32.New(castagnoli), struct{ io.Reader }{body}, make([]byte, mi))
	return errors.Join(err, body.Close())
}

// byBlocks does the same with an open reader.
func byBlocks(crew *prefetch.Crew, obj s3backend.Object) error {
	r := crew.Open(obj)
	sum := uint32(0)
	for b, err := range r.Blocks(context.Background()) {
		if err != nil {
			return errors.Join(err, r.Close())
		}
		sum = crc32.Update(sum, castagnoli, b.Data)
	}
	return r.Close()
}

func stages(b *testing.B, files int, size int64, work func(src *distant, crew *prefetch.Crew, objects []s3backend.Object) error) {
	const memory = 64 * mi
	src := &distant{}
	var elapsed time.Duration
	for i := range b.N {
		mem := blockcache.NewMemory(memory, mi)
		cache, err := blockcache.Open(blockcache.Config{
			Dir: b.TempDir(), BlockSize: mi, Budget: 4 << 30, WriteQueue: memory / 2, Memory: mem,
		})
		if err != nil {
			b.Fatal(err)
		}
		crew := prefetch.New(prefetch.Config{
			Cache: cache, Source: src, Memory: mem, Connections: 16, RequestSize: 8 * mi, MaxWindow: 48 * mi,
		})
		var objects []s3backend.Object
		for f := range files {
			objects = append(objects, s3backend.Object{Key: fmt.Sprint(f), ETag: `"e"`, Size: size, ModTime: time.Unix(int64(i), 0)})
		}
		began := time.Now()
		if err := work(src, crew, objects); err != nil {
			b.Fatal(err)
		}
		elapsed += time.Since(began)
		if err := errors.Join(crew.Close(), cache.Close()); err != nil {
			b.Fatal(err)
		}
	}
	n := float64(b.N)
	b.ReportMetric(float64(files)*float64(size)*n/1e6/elapsed.Seconds(), "MB/s")
	b.ReportMetric(float64(src.requests.Load())/n, "GETs")
}

// BenchmarkStage checksums one object of 256 MiB, and 64 of 4 MiB, over a server
// 20 ms away that gives 80 MB/s a connection: naively, by Blocks, and by as many
// goroutines without the library and with it.
func BenchmarkStage(b *testing.B) {
	const readers = 8
	one := func(f func(*distant, *prefetch.Crew, s3backend.Object) error) func(*distant, *prefetch.Crew, []s3backend.Object) error {
		return func(src *distant, crew *prefetch.Crew, objects []s3backend.Object) error {
			for _, o := range objects {
				if err := f(src, crew, o); err != nil {
					return err
				}
			}
			return nil
		}
	}
	many := func(f func(*distant, *prefetch.Crew, s3backend.Object) error) func(*distant, *prefetch.Crew, []s3backend.Object) error {
		return func(src *distant, crew *prefetch.Crew, objects []s3backend.Object) error {
			var group errgroup.Group
			group.SetLimit(readers)
			for _, o := range objects {
				group.Go(func() error { return f(src, crew, o) })
			}
			return group.Wait()
		}
	}
	naive := func(src *distant, _ *prefetch.Crew, o s3backend.Object) error { return naively(src, o) }
	library := func(_ *distant, crew *prefetch.Crew, o s3backend.Object) error { return byBlocks(crew, o) }
	for _, c := range []struct {
		name  string
		files int
		work  func(*distant, *prefetch.Crew, []s3backend.Object) error
	}{
		{"object/naive", 1, one(naive)}, {"object/blocks", 1, one(library)},
		{"files/naive", 64, one(naive)}, {"files/naive-8", 64, many(naive)}, {"files/blocks-8", 64, many(library)},
	} {
		b.Run(c.name, func(b *testing.B) { stages(b, c.files, 256*mi/int64(c.files), c.work) })
	}
}
