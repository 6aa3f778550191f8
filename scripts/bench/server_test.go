package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// start runs the server's process on a small dataset.
func start(t *testing.T) (*server, *dataset) {
	t.Helper()
	dir := t.TempDir()
	d, err := newDataset(dir, 4<<20)
	if err != nil {
		t.Fatal(err)
	}
	s, err := startServer(d.all(), filepath.Join(dir, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	return s, d
}

// fetch runs the bare client's process.
func fetch(t *testing.T, s *server, d *dataset, p profile, as string, j job, dir string) outcome {
	t.Helper()
	b := bareJob{As: as, Job: j, Sizes: d.sizes(j.Paths), URL: s.url(p), Dir: dir}
	if p.TLS {
		b.CA = s.ca
	}
	if err := s.reset(); err != nil {
		t.Fatal(err)
	}
	answer, _, err := child(t.Context(), "bare", b)
	if err != nil {
		t.Fatal(err)
	}
	var o outcome
	if err := json.Unmarshal(answer, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// The server's counts are those of what was asked for, and the bytes the right ones,
// with and without TLS.
func TestServerAndBareClient(t *testing.T) {
	s, d := start(t)
	for _, p := range []profile{{}, {TLS: true}} {
		dir := t.TempDir()
		j := job{Mode: "seq", Paths: []string{"part01", "small/f0007"}, Width: 1, Size: 1 << 20}
		o := fetch(t, s, d, p, bareWriteName, j, dir)
		size := d.size/16 + smallSize
		if o.Bytes != size || o.Ops != 2 || o.Blocks != 2 {
			t.Errorf("TLS %t: %+v", p.TLS, o)
		}
		c, err := s.counts()
		if err != nil || c.Gets != 2 || c.Bytes != size || c.Connections < 1 || c.Heads+c.Lists+c.Others+c.Faulty+c.Open > 0 {
			t.Errorf("TLS %t: %+v, %v", p.TLS, c, err)
		}
		for _, key := range j.Paths {
			got, err := os.ReadFile(filepath.Join(dir, filepath.Base(key)))
			if err != nil {
				t.Fatal(err)
			}
			if want := d.objects[key]; int64(len(got)) != want.Size || s3test.CheckCoded(got, want.Off, 1, 1) != nil {
				t.Errorf("%s: %d bytes, %v", key, len(got), s3test.CheckCoded(got, want.Off, 1, 1))
			}
		}
	}
}

// Random reads are fetched as they are, one request each.
func TestBareLatency(t *testing.T) {
	s, d := start(t)
	p := profile{Latency: 4 * time.Millisecond, Jitter: time.Millisecond}
	if err := s.shape(p, false); err != nil {
		t.Fatal(err)
	}
	o := fetch(t, s, d, p, bareName, job{Mode: "random", Paths: []string{"big", "big"}, Width: 2, Size: 4096, Count: 10}, "")
	c, err := s.counts()
	if err != nil || o.Ops != 20 || o.Bytes != 20*4096 || c.Gets != 20 || c.Bytes != o.Bytes || c.Connections < 1 || c.Connections > 20 {
		t.Errorf("%+v, %+v, %v", o, c, err)
	}
	if o.P50 < milliseconds(p.Latency-p.Jitter) {
		t.Errorf("p50 %v ms is below the server's latency", o.P50)
	}
}

// The library and the naive way read the same bytes.
func TestLibrary(t *testing.T) {
	s, d := start(t)
	f, err := os.ReadFile(d.file)
	if err != nil {
		t.Fatal(err)
	}
	want := crc32.Checksum(f, castagnoli())
	for _, p := range []profile{{}, {TLS: true}} {
		for _, as := range []string{naiveName, libraryName} {
			o := fetch(t, s, d, p, as, job{Mode: "seq", Paths: []string{"big"}, Width: 1, Size: 1 << 20, Sum: true}, "")
			if o.Bytes != d.size || o.Sum != want || o.Blocks != 4 {
				t.Errorf("%s, TLS %t: %+v, want the sum %d", as, p.TLS, o, want)
			}
			o = fetch(t, s, d, p, as, job{Mode: "seq", Paths: parts(16), Width: 4, Size: 1 << 20}, "")
			if c, err := s.counts(); err != nil || o.Bytes != d.size || c.Bytes != d.size || as == naiveName && c.Gets != 16 {
				t.Errorf("%s, TLS %t: %+v, %+v, %v", as, p.TLS, o, c, err)
			}
		}
	}
}

// Of 200 GETs of a byte 2 are answered 503; cut and stalled answers break off.
func TestFaults(t *testing.T) {
	s, _ := start(t)
	if err := errors.Join(s.shape(profile{}, true), s.reset()); err != nil {
		t.Fatal(err)
	}
	var refused, broken int
	client := &http.Client{Timeout: 300 * time.Millisecond}
	defer client.CloseIdleConnections()
	for range 200 {
		resp, err := client.Get(s.Plain + "/" + bucketName + "/small/f0000")
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		switch {
		case resp.StatusCode == http.StatusServiceUnavailable:
			refused++
		case err != nil && n == smallSize/2:
			broken++
		case err != nil || n != smallSize:
			t.Fatalf("%d bytes, %v", n, err)
		}
	}
	if refused != 2 || broken != 4 {
		t.Errorf("%d refused and %d broken, want 2 and 4", refused, broken)
	}
	c, err := s.counts()
	if err != nil || c.Faulty != 6 || c.Gets != 200 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestReader(t *testing.T) {
	dir := t.TempDir()
	data := bytes.Repeat([]byte("0123456789"), 100)
	path := filepath.Join(dir, "f")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := runJobs(t.Context(), []job{
		{Mode: "seq", Paths: []string{path, path, path}, Width: 2, Size: 300},
		{Mode: "first", Paths: []string{path}, Width: 1},
	})
	if err != nil || o.Bytes != 3001 || o.Ops != 13 || o.Blocks != 2 {
		t.Errorf("%+v, %v", o, err)
	}
	for _, j := range []job{
		{Mode: "seq", Paths: []string{filepath.Join(dir, "none")}, Width: 1, Size: 1},
		{Mode: "nonsense", Paths: []string{path}, Width: 1, Size: 1},
		{Mode: "spans", Paths: []string{path}, Width: 1, Size: 10, Spans: [][]span{{{995, 10}}}},
	} {
		if _, err := runJobs(t.Context(), []job{j}); err == nil {
			t.Errorf("%+v: no error", j)
		}
	}
}
