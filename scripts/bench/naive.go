package main

import (
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"time"
)

// naive is how a program reads a bucket without any library's help: a GET a file,
// whose body it adds up as it comes.
func (b bareJob) naive() (outcome, error) {
	client, err := b.client()
	if err != nil {
		return outcome{}, err
	}
	defer client.CloseIdleConnections()
	return perform(b.Job, func(_ int, key string, t *tally, _ time.Time) (sum uint32, err error) {
		req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, b.URL+"/"+bucketName+"/"+key, nil)
		if err != nil {
			return 0, err
		}
		resp, err := client.Do(req)
		if err != nil {
			return 0, err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return 0, fmt.Errorf("GET %s: %s", key, resp.Status)
		}
		t.open(key)
		buf := make([]byte, b.Job.Size)
		for off, start := int64(0), time.Now(); ; {
			n, err := io.ReadFull(resp.Body, buf)
			if n > 0 {
				sum = crc32.Update(sum, castagnoli(), buf[:n])
				now := time.Now()
				t.add(span{off, int64(n)}, now.Sub(start))
				off, start = off+int64(n), now
			}
			if err == io.EOF || err == io.ErrUnexpectedEOF && off == resp.ContentLength {
				return sum, nil
			} else if err != nil {
				return 0, fmt.Errorf("GET %s: %w", key, err)
			}
		}
	})
}
