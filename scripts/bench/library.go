package main

import (
	"context"
	"errors"
	"hash/crc32"
	"time"

	"github.com/zs3fs/zs3fs/blockcache"
	"github.com/zs3fs/zs3fs/prefetch"
	"github.com/zs3fs/zs3fs/s3backend"
)

// packages is how a Go program reads with this module's packages, without a mount and
// with nothing kept on disk: the defaults of zs3fs cat.
func (b bareJob) packages() (o outcome, err error) {
	ctx := context.Background()
	client, err := s3backend.New(ctx, s3backend.Options{Bucket: bucketName, EndpointURL: b.URL, Region: region,
		ForcePathStyle: true, CABundle: b.CA, Connections: bareConnections})
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	memory := blockcache.NewMemory(160<<20, blockSize)
	cache, err := blockcache.Open(blockcache.Config{BlockSize: blockSize, Memory: memory})
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, cache.Close()) }()
	crew := prefetch.New(prefetch.Config{Cache: cache, Source: client, Memory: memory,
		Connections: bareConnections, RequestSize: bareRequest, MaxWindow: window})
	defer func() { err = errors.Join(err, crew.Close()) }()
	return perform(b.Job, func(_ int, key string, t *tally, _ time.Time) (uint32, error) {
		obj, err := client.Head(ctx, key)
		if err != nil {
			return 0, err
		}
		reader := crew.Open(obj)
		sum, err := addUp(ctx, reader, key, t)
		return sum, errors.Join(err, reader.Close())
	})
}

// addUp works on the blocks as they come, while the next are fetched.
func addUp(ctx context.Context, r *prefetch.Reader, key string, t *tally) (sum uint32, err error) {
	t.open(key)
	start := time.Now()
	for block, err := range r.Blocks(ctx) {
		if err != nil {
			return 0, err
		}
		sum = crc32.Update(sum, castagnoli(), block.Data)
		now := time.Now()
		t.add(span{block.Off, int64(len(block.Data))}, now.Sub(start))
		start = now
	}
	return sum, nil
}
