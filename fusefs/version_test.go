package fusefs_test

import (
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// F9, F13, F14, F15: old and new handle of one path, read in both orders.
func TestOverwriteWhileOpen(t *testing.T) {
	const size = 1 << 20
	for _, newSize := range []int64{size, size / 3, 2 * size} {
		m := mount(t, setting{})
		m.coded("f", 1, 1, size)
		old, err := os.Open(m.path("f"))
		if err != nil {
			t.Fatal(err)
		}
		defer old.Close()
		first := make([]byte, 5000)
		if _, err := old.ReadAt(first, 0); err != nil {
			t.Fatal(err)
		}
		m.coded("f", 1, 2, newSize)
		now, err := os.Open(m.path("f"))
		if err != nil {
			t.Fatal(err)
		}
		defer now.Close()
		data, err := io.ReadAll(now)
		if err != nil || int64(len(data)) != newSize {
			t.Fatalf("new handle: %d bytes of %d, %v", len(data), newSize, err)
		}
		if err := s3test.CheckCoded(data, 0, 1, 2); err != nil {
			t.Fatal("new handle:", err)
		}
		buf := make([]byte, size)
		n, err := old.ReadAt(buf, 0)
		if err := s3test.CheckCoded(buf[:n], 0, 1, 1); err != nil {
			t.Fatal("old handle:", err)
		}
		if n < size && !errors.Is(err, syscall.ESTALE) {
			t.Fatalf("old handle: %d bytes, %v", n, err)
		}
		if _, err := old.ReadAt(buf[:100], size-100); err != nil && !errors.Is(err, syscall.ESTALE) {
			t.Fatal("old handle, its end:", err)
		}
		if fi, err := old.Stat(); err != nil || fi.Size() != size {
			t.Fatalf("old handle's size: %v, %v", fi, err)
		}
		if fi, err := now.Stat(); err != nil || fi.Size() != newSize {
			t.Fatalf("new handle's size: %v, %v", fi, err)
		}
	}
}

// F16, F17.
func TestDeleteWhileOpen(t *testing.T) {
	m := mount(t, setting{TTL: -1, NegativeTTL: -1})
	m.coded("f", 1, 1, 1<<20)
	m.coded("g", 1, 1, 1<<20)
	if _, err := os.ReadDir(m.dir); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(m.path("f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m.delete("f")
	if _, err := f.ReadAt(make([]byte, 10), 1000); !errors.Is(err, syscall.ESTALE) {
		t.Fatal(err)
	}
	// The read has taken the name back, although it was to be kept for ever.
	for deadline := time.Now().Add(10 * time.Second); ; {
		_, err := os.Stat(m.path("f"))
		if errors.Is(err, os.ErrNotExist) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the deleted name stays:", err)
		}
	}
	if _, err := os.Stat(m.path("g")); err != nil {
		t.Fatal(err)
	}
}

// Consistency "open", and any open with O_DIRECT: ESTALE from Open makes the
// kernel look again, so that the caller sees the new version at once.
func TestRevalidateAtOpen(t *testing.T) {
	for _, always := range []bool{true, false} {
		m := mount(t, setting{TTL: -1, NegativeTTL: -1, RevalidateOnOpen: always})
		flags := os.O_RDONLY
		if !always {
			flags |= unix.O_DIRECT
		}
		for version := range uint32(20) {
			m.coded("d/f", 3, version, 20000)
			f, err := os.OpenFile(m.path("d/f"), flags, 0)
			if err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(f)
			f.Close()
			if err != nil || len(data) != 20000 {
				t.Fatalf("%d bytes, %v", len(data), err)
			}
			if err := s3test.CheckCoded(data, 0, 3, version); err != nil {
				t.Fatal(err)
			}
			if version == 0 {
				if _, err := os.ReadDir(m.path("d")); err != nil {
					t.Fatal(err)
				}
			}
		}
		m.delete("d/f")
		if _, err := os.OpenFile(m.path("d/f"), flags, 0); !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

// A version that comes back is served again, to old and new handles.
func TestVersionComesBack(t *testing.T) {
	m := mount(t, setting{})
	m.coded("f", 1, 1, 100000)
	old, err := os.Open(m.path("f"))
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	m.coded("f", 1, 2, 100000)
	if _, err := old.ReadAt(make([]byte, 10), 50000); !errors.Is(err, syscall.ESTALE) {
		t.Fatal(err)
	}
	if _, err := os.Stat(m.path("f")); err != nil {
		t.Fatal(err)
	}
	m.coded("f", 1, 1, 100000)
	data, err := os.ReadFile(m.path("f"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s3test.CheckCoded(data, 0, 1, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := old.ReadAt(make([]byte, 10), 50000); err != nil {
		t.Fatal(err)
	}
}

// Many overwrites under readers: each handle gives one version or ESTALE.
func TestOverwritesUnderReaders(t *testing.T) {
	const size = 300000
	m := mount(t, setting{})
	m.coded("f", 5, 0, size)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var reads atomic.Int64
	for i := range 8 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(3, uint64(i)))
			for {
				select {
				case <-stop:
					return
				default:
					read, err := readOneVersion(m.path("f"), rng)
					if err != nil {
						t.Error(err)
						return
					}
					if read {
						reads.Add(1)
					}
				}
			}
		})
	}
	for version := range uint32(200) {
		m.coded("f", 5, version, size)
	}
	close(stop)
	wg.Wait()
	t.Logf("%d handles read", reads.Load())
	if reads.Load() == 0 {
		t.Error("no handle gave a byte")
	}
}

// readOneVersion reads at random places of one handle, of which the first tells
// the version; read says that there was one that was not ESTALE.
func readOneVersion(path string, rng *rand.Rand) (read bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	version := int64(-1)
	for range 10 {
		buf := make([]byte, 16+rng.IntN(100000))
		off := rng.Int64N(300000) &^ 15
		n, err := f.ReadAt(buf, off)
		if err != nil && err != io.EOF && !errors.Is(err, syscall.ESTALE) {
			return false, err
		}
		if n == 0 {
			continue
		}
		if version < 0 {
			for v := range uint32(200) {
				if s3test.CheckCoded(buf[:min(n, 16)], off, 5, v) == nil {
					version = int64(v)
				}
			}
		}
		if err := s3test.CheckCoded(buf[:n], off, 5, uint32(version)); err != nil {
			return false, err
		}
	}
	return version >= 0, nil
}
