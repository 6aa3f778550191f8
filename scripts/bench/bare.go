package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"
)

const (
	bareConnections = 32
	bareRequest     = 8 << 20
)

// bareJob tells a process of its own what to fetch without any file system.
type bareJob struct {
	As    string // a key of clients
	Job   job
	Sizes []int64 // of the job's paths, which are keys
	URL   string  // of the server
	CA    string  // file of certificates, or empty
	Dir   string  // where the bytes are written, or empty: thrown away
}

// clients are the ways to fetch without a file system. The bare ones are Go's
// net/http with a buffer of 1 MiB a connection, no checksum, no signature: what the
// network and the client's half of the processors allow.
func clients() map[string]func(bareJob) (outcome, error) {
	return map[string]func(bareJob) (outcome, error){
		bareName: bareJob.bare, bareWriteName: bareJob.bare, naiveName: bareJob.naive, libraryName: bareJob.packages,
	}
}

// bareMain is such a process.
func bareMain() error {
	var b bareJob
	if err := json.NewDecoder(os.Stdin).Decode(&b); err != nil {
		return err
	}
	if err := b.Job.check(); err != nil {
		return err
	}
	run := clients()[b.As]
	if run == nil {
		return fmt.Errorf("no client %q", b.As)
	}
	o, err := run(b)
	if err != nil {
		return err
	}
	o.Peak = peakOf(os.Getpid())
	return json.NewEncoder(os.Stdout).Encode(o)
}

func (b bareJob) bare() (outcome, error) {
	client, err := b.client()
	if err != nil {
		return outcome{}, err
	}
	defer client.CloseIdleConnections()
	return b.run(client)
}

func (b bareJob) client() (*http.Client, error) {
	tr := &http.Transport{
		MaxIdleConnsPerHost: bareConnections, DisableCompression: true, ReadBufferSize: 64 << 10,
	}
	if b.CA != "" {
		pem, err := os.ReadFile(b.CA)
		if err != nil {
			return nil, err
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate", b.CA)
		}
		tr.TLSClientConfig = &tls.Config{RootCAs: roots, ClientSessionCache: tls.NewLRUClientSessionCache(0)}
	}
	return &http.Client{Transport: tr}, nil
}

// run does the reads of latency patterns one by one, as they are; everything else
// is fetched in large requests over many connections, because no file system could
// be faster than that.
func (b bareJob) run(client *http.Client) (outcome, error) {
	sink, err := newSink(b.Dir)
	if err != nil {
		return outcome{}, err
	}
	defer sink.Close()
	j := b.Job
	if j.Mode == "first" || j.Mode == "random" {
		return perform(j, func(n int, key string, t *tally, until time.Time) (uint32, error) {
			t.open(key)
			buf := make([]byte, max(j.Size, 1))
			for s := range j.reads(b.Sizes[n], n) {
				start := time.Now()
				if err := b.get(client, key, s, buf, sink); err != nil {
					return 0, err
				}
				if t.add(s, time.Since(start)); j.over(until) {
					break
				}
			}
			return 0, nil
		})
	}
	return b.fetch(client, sink)
}

// request is a GET of a span of a key.
type request struct {
	key string
	span
}

func (b bareJob) requests() []request {
	var all []request
	for n, key := range b.Job.Paths {
		spans := slices.Collect(b.Job.reads(b.Sizes[n], n))
		// Neighbours are fetched together, in whatever order they are read.
		slices.SortFunc(spans, func(x, y span) int { return int(x.Off - y.Off) })
		for _, p := range pieces(spans, bareRequest) {
			all = append(all, request{key, p})
		}
	}
	return all
}

func (b bareJob) fetch(client *http.Client, sink *sink) (outcome, error) {
	var (
		wg      sync.WaitGroup
		all     = b.requests()
		next    = make(chan request, len(all))
		tallies = make([]tally, bareConnections)
		errs    = make([]error, bareConnections)
		start   = time.Now()
	)
	for _, r := range all {
		next <- r
	}
	close(next)
	for i := range bareConnections {
		wg.Go(func() {
			buf := make([]byte, blockSize)
			for r := range next {
				began := time.Now()
				if errs[i] = b.get(client, r.key, r.span, buf, sink); errs[i] != nil {
					return
				}
				tallies[i].open(r.key)
				tallies[i].add(r.span, time.Since(began))
			}
		})
	}
	wg.Wait()
	return merge(tallies, time.Since(start)), errors.Join(errs...)
}

// get fetches a span through buf.
func (b bareJob) get(client *http.Client, key string, s span, buf []byte, sink *sink) error {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, b.URL+"/"+bucketName+"/"+key, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", s.Off, s.Off+s.Len-1))
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusPartialContent {
		return fmt.Errorf("GET %s: %s", key, resp.Status)
	}
	for done := int64(0); done < s.Len; {
		n, err := io.ReadFull(resp.Body, buf[:min(int64(len(buf)), s.Len-done)])
		if err != nil {
			return fmt.Errorf("GET %s: %w", key, err)
		}
		if err := sink.write(buf[:n], key, s.Off+done); err != nil {
			return err
		}
		done += int64(n)
	}
	// So that the connection is used again.
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}
