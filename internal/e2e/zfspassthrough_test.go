//go:build zfsvm

package e2e_test

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"
)

// TestZFSPassthrough: after a restart the kernel reads complete files from ZFS by
// itself: no READ reaches the daemon, and no GET the server.
func TestZFSPassthrough(t *testing.T) {
	d := newPool(t).dataset("cache")
	s := standOn(d)
	files := []file{s.put("a", 5*mib+77), s.put("b", mib), s.put("c", 5), s.put("empty", 0)}
	m := s.mount()
	cacheWhole(t, files...)
	m.end()
	s.server.Reset()
	m = s.mount()
	for _, f := range files {
		f.readIn(t, "sequential", "random", "mmap", "splice")
		if n := s.gets(f.key); n > 0 {
			t.Errorf("%d GETs of %s", n, f.key)
		}
	}
	if n := m.end(); n.reads != 0 || n.daemonOpens != 0 || n.kernelOpens == 0 {
		t.Errorf("of complete files: %+v", n)
	}
}

// TestZFSWarmSpeed reads a complete file through the mount and the cache's copy of it
// in turns, and prints how they compare; that no read comes to the daemon is what must
// hold. Times are not judged: under emulation the copy's was 74 ms once, and 400 to 490
// in all other runs.
func TestZFSWarmSpeed(t *testing.T) {
	d := newPool(t).dataset("cache")
	s := standOn(d)
	f := s.put("f", 32*mib)
	m := s.mount()
	cacheWhole(t, f)
	m.end()
	m = s.mount()
	cached := f.cached(t)
	for _, tt := range []struct {
		name  string
		chunk int
	}{{"sequential, 1 MiB", mib}, {"random, 4 KiB", 4 * kib}} {
		mounted, native := time.Hour, time.Hour
		for range 5 {
			native = min(native, timeReads(t, cached, tt.chunk))
			mounted = min(mounted, timeReads(t, f.path(), tt.chunk))
		}
		t.Logf("%s: %v for the cache's copy, %v through the mount: %.2f of its speed",
			tt.name, native, mounted, native.Seconds()/mounted.Seconds())
	}
	if n := m.end(); n.reads != 0 {
		t.Errorf("%d READs reached the daemon", n.reads)
	}
}

// timeReads reads chunks of a file: large ones all in order, small ones at random
// places.
func timeReads(t testing.TB, path string, chunk int) time.Duration {
	t.Helper()
	h, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	info, err := h.Stat()
	if err != nil {
		t.Fatal(err)
	}
	chunks := info.Size() / int64(chunk)
	n, place := chunks, func(i int64) int64 { return i }
	if chunk < mib {
		r := rand.New(rand.NewPCG(1, 1))
		n, place = min(n, 1000), func(int64) int64 { return r.Int64N(chunks) }
	}
	p := make([]byte, chunk)
	began := time.Now()
	for i := range n {
		if _, err := pread(h, p, place(i)*int64(chunk)); err != nil {
			t.Fatal(err)
		}
	}
	return time.Since(began)
}
