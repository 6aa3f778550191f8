package s3backend_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"

	"github.com/zs3fs/zs3fs/s3backend"
)

// BenchmarkOpen reads ranges of 8 MiB on 32 connections into 1 MiB buffers, as
// the read path does. The server runs in the same process and costs as much.
func BenchmarkOpen(b *testing.B) {
	const part, workers = 8 << 20, 32
	zeros := make([]byte, part)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first, last := asked(r)
		w.Header().Set("ETag", etag)
		w.Header().Set("Content-Range", "bytes "+strconv.FormatInt(first, 10)+"-"+strconv.FormatInt(last, 10)+"/1099511627776")
		w.Header().Set("Content-Length", strconv.FormatInt(last-first+1, 10))
		w.WriteHeader(http.StatusPartialContent)
		w.Write(zeros[:last-first+1])
	}))
	defer server.Close()
	c, err := s3backend.New(context.Background(), s3backend.Options{Bucket: "b", EndpointURL: server.URL, Region: "us-east-1"})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	obj := s3backend.Object{Key: "k", ETag: etag, Size: 1 << 40}
	jobs := make(chan int64)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			buf := make([]byte, 1<<20)
			for i := range jobs {
				body, err := c.Open(context.Background(), obj, i*part, part)
				if err != nil {
					b.Error(err)
					continue
				}
				for err == nil {
					_, err = io.ReadFull(body, buf)
				}
				if err != io.EOF {
					b.Error(err)
				}
				body.Close()
			}
		})
	}
	b.SetBytes(part)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range int64(b.N) {
		jobs <- i
	}
	close(jobs)
	wg.Wait()
}
