package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

const (
	smallFiles  = 1000
	connections = 32
	requestSize = 8 << 20
)

// bucket is the shaped server and what lies in it.
type bucket struct {
	*s3test.Server
	size int64
}

func newBucket(s settings) (*bucket, error) {
	mem := s3test.NewMem()
	big := mem.Put("big", s3test.Coded(1, 1, s.size))
	// A store has its checksums; computed when first asked for, they would cost the
	// daemon's share of the processors.
	if _, err := mem.Checksum(context.Background(), big); err != nil {
		return nil, err
	}
	if !s.warmOnly {
		huge := mem.Put("huge", s3test.Coded(2, 1, 4<<30))
		if _, err := mem.Checksum(context.Background(), huge); err != nil {
			return nil, err
		}
	}
	for i := range 4 {
		mem.Put(fmt.Sprintf("part%03d", i), s3test.Coded(uint32(10+i), 1, s.size/4))
	}
	for i := range smallFiles {
		mem.Put(fmt.Sprintf("small/f%03d", i), s3test.Coded(uint32(100+i), 1, 64<<10))
	}
	srv, err := s3test.NewServer(mem, s3test.ServerConfig{Bucket: "bench"})
	if err != nil {
		return nil, err
	}
	srv.SetShape(s.latency, s.rate)
	return &bucket{Server: srv, size: s.size}, nil
}

func (b *bucket) close() { b.Server.Close() }

// bare reads the large object with parallel ranged GETs and throws it away.
func (b *bucket) bare() (result, error) {
	b.Reset()
	var (
		tr     = &http.Transport{MaxIdleConnsPerHost: connections, DisableCompression: true, ReadBufferSize: 64 << 10}
		client = &http.Client{Transport: tr}
		next   atomic.Int64
		wg     sync.WaitGroup
		errs   = make(chan error, connections)
		start  = time.Now()
	)
	defer tr.CloseIdleConnections()
	for range connections {
		wg.Go(func() {
			for {
				off := next.Add(requestSize) - requestSize
				if off >= b.size {
					return
				}
				if err := b.get(client, off, min(requestSize, b.size-off)); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	if err := <-errs; err != nil {
		return result{}, err
	}
	r := result{outcome: outcome{Bytes: b.size, Seconds: time.Since(start).Seconds()}}
	b.count(&r)
	return r, nil
}

func (b *bucket) get(client *http.Client, off, n int64) error {
	req, err := http.NewRequest("GET", b.URL()+"/bench/big", nil)
	if err != nil {
		return err
	}
	req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", off, off+n-1))
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if got, err := io.Copy(io.Discard, resp.Body); err != nil || got != n {
		return fmt.Errorf("bare GET at %d: %d bytes of %d, %v", off, got, n, err)
	}
	return nil
}

// count adds what the server has seen since its log was reset.
func (b *bucket) count(r *result) {
	r.gets = b.Count(s3test.OpGet)
	r.asked = b.Count(s3test.OpHead, s3test.OpList, s3test.OpHeadBucket)
	r.fetched = b.BytesSent()
}
