package fusefs_test

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// F37, sequentially; an empty object costs no GET.
func TestSizes(t *testing.T) {
	m := mount(t, setting{TTL: time.Minute})
	m.put("0", "")
	if data, err := os.ReadFile(m.path("0")); err != nil || len(data) != 0 {
		t.Fatalf("%q, %v", data, err)
	}
	if c := m.counts(); c.Gets != 0 {
		t.Fatalf("%d GETs for an empty object", c.Gets)
	}
	const block = 4096
	for _, size := range []int64{1, block - 1, block, block + 1, 64 * block, 1<<20 - 1, 1 << 20, 1<<20 + 1, 5<<20 + 3} {
		name := fmt.Sprint(size)
		m.coded(name, 7, uint32(size), size)
		data, err := os.ReadFile(m.path(name))
		if err != nil || int64(len(data)) != size {
			t.Fatalf("%d: %d bytes, %v", size, len(data), err)
		}
		if err := s3test.CheckCoded(data, 0, 7, uint32(size)); err != nil {
			t.Fatal(size, err)
		}
	}
}

// F79.
func TestReadAtTheEnd(t *testing.T) {
	m := mount(t, setting{TTL: time.Minute})
	const size = 10000
	m.coded("f", 1, 1, size)
	for _, direct := range []int{0, unix.O_DIRECT} {
		fd, err := unix.Open(m.path("f"), unix.O_RDONLY|direct, 0)
		if err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 4097)[1:]
		for _, tt := range []struct {
			off  int64
			n    int
			want int
		}{
			{0, 0, 0}, {size, 10, 0}, {size + 1, 10, 0}, {size - 1, 10, 1}, {1 << 40, 1, 0},
			{size - 4096, 4096, 4096}, {size - 4095, 4096, 4095}, {3, 4096, 4096}, {math.MaxInt64 - 5000, 100, 0},
		} {
			n, err := unix.Pread(fd, buf[:tt.n], tt.off)
			if n != tt.want || err != nil {
				t.Fatalf("direct %v: %d at %d: %d, %v, want %d", direct != 0, tt.n, tt.off, n, err, tt.want)
			}
			if err := s3test.CheckCoded(buf[:n], tt.off, 1, 1); n > 0 && err != nil {
				t.Fatal(err)
			}
		}
		if _, err := unix.Pread(fd, buf, -1); !errors.Is(err, unix.EINVAL) {
			t.Fatal(err)
		}
		unix.Close(fd)
	}
}

func TestSixteenThreadsAtRandom(t *testing.T) {
	m := mount(t, setting{TTL: time.Minute})
	const size = 3<<20 + 12345
	m.coded("f", 2, 9, size)
	f, err := os.Open(m.path("f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d, err := os.OpenFile(m.path("f"), os.O_RDONLY|unix.O_DIRECT, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	fi, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	mapped, err := unix.Mmap(int(f.Fd()), 0, int(fi.Size()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(mapped)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(1, uint64(i)))
			buf := make([]byte, 300000)
			for range 30 {
				off, n := rng.Int64N(size), rng.IntN(len(buf))
				n = int(min(int64(n), size-off))
				got := buf[:n]
				var err error
				switch i % 3 {
				case 0:
					_, err = f.ReadAt(got, off)
				case 1:
					_, err = d.ReadAt(got, off)
				case 2:
					copy(got, mapped[off:])
				}
				if err != nil && err != io.EOF {
					t.Error(err)
					return
				}
				if err := s3test.CheckCoded(got, off, 2, 9); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// F80: the kernel answers all of them.
func TestWritesAreRefused(t *testing.T) {
	m := mount(t, setting{TTL: time.Minute, NegativeTTL: time.Minute})
	m.put("f", "data")
	m.put("d/x", "data")
	f, d, n := m.path("f"), m.path("d"), m.path("new")
	for name, op := range map[string]func() error{
		"O_RDWR":    func() error { return openErr(f, unix.O_RDWR) },
		"O_WRONLY":  func() error { return openErr(f, unix.O_WRONLY) },
		"O_TRUNC":   func() error { return openErr(f, unix.O_WRONLY|unix.O_TRUNC) },
		"O_APPEND":  func() error { return openErr(f, unix.O_WRONLY|unix.O_APPEND) },
		"O_CREAT":   func() error { return openErr(n, unix.O_CREAT|unix.O_RDWR) },
		"O_TMPFILE": func() error { return openErr(d, unix.O_TMPFILE|unix.O_RDWR) },
		"unlink":    func() error { return unix.Unlink(f) },
		"rmdir":     func() error { return unix.Rmdir(d) },
		"rename":    func() error { return unix.Rename(f, n) },
		"mkdir":     func() error { return unix.Mkdir(n, 0o755) },
		"chmod":     func() error { return unix.Chmod(f, 0o600) },
		"chown":     func() error { return unix.Chown(f, 1, 1) },
		"truncate":  func() error { return unix.Truncate(f, 0) },
		"setxattr":  func() error { return unix.Setxattr(f, "user.x", []byte("y"), 0) },
		"rmxattr":   func() error { return unix.Removexattr(f, "user.s3.etag") },
		"link":      func() error { return unix.Link(f, n) },
		"symlink":   func() error { return unix.Symlink(f, n) },
		"mknod":     func() error { return unix.Mknod(n, unix.S_IFIFO|0o600, 0) },
		"utimes":    func() error { return unix.Utimes(f, make([]unix.Timeval, 2)) },
	} {
		if err := op(); !errors.Is(err, syscall.EROFS) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if data, err := os.ReadFile(f); err != nil || string(data) != "data" {
		t.Fatalf("%q, %v", data, err)
	}
}

func openErr(path string, flags int) error {
	fd, err := unix.Open(path, flags, 0o644)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// F3: a failure is EIO, and is not sticky.
func TestFailedReadsRecover(t *testing.T) {
	m := mount(t, setting{TTL: time.Minute})
	m.coded("f", 1, 1, 100000)
	f, err := os.Open(m.path("f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m.do(command{Op: "fail", Fail: "unavailable"})
	buf := make([]byte, 1000)
	if _, err := f.ReadAt(buf, 50000); !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	m.do(command{Op: "fail"})
	if _, err := f.ReadAt(buf, 50000); err != nil {
		t.Fatal(err)
	}
	if err := s3test.CheckCoded(buf, 50000, 1, 1); err != nil {
		t.Fatal(err)
	}
}

// What the kernel is told to do itself.
func TestFsyncAndHoles(t *testing.T) {
	m := mount(t, setting{TTL: time.Minute})
	m.coded("d/f", 1, 1, 100000)
	f, err := os.Open(m.path("d/f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d, err := os.Open(m.path("d"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for range 2 {
		if err := errors.Join(f.Sync(), d.Sync()); err != nil {
			t.Fatal(err)
		}
		if off, err := f.Seek(5, unix.SEEK_DATA); err != nil || off != 5 {
			t.Fatal(off, err)
		}
		if off, err := f.Seek(5, unix.SEEK_HOLE); err != nil || off != 100000 {
			t.Fatal(off, err)
		}
		if _, err := f.Seek(100000, unix.SEEK_DATA); !errors.Is(err, unix.ENXIO) {
			t.Fatal(err)
		}
	}
}
