package e2e_test

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/prefetch/parquet"
)

// refusal is a Parquet file on a mount, and its bytes.
type refusal struct {
	s      *stand
	path   string
	want   []byte
	chunks []parquet.Chunk
}

func newRefusal(t *testing.T) *refusal {
	bin, err := duckdb()
	if err != nil {
		t.Fatal(err)
	}
	s := newStand(t)
	src := s.source("src")
	local := filepath.Join(src, "table.parquet")
	program(t, bin, fmt.Sprintf(`copy (select hash(i) as a, hash(i + 1) >> (i // 200000 * 3)::ubigint as b, hash(i + 2) as c, hash(i + 3) >> (i // 200000)::ubigint as d
		from range(4000000) r(i)) to '%s' (format parquet, compression zstd, row_group_size 200000)`, local))
	s.upload(src)
	x := &refusal{s: s, path: filepath.Join(s.mnt, "table.parquet")}
	if x.want, err = os.ReadFile(local); err != nil {
		t.Fatal(err)
	}
	if x.chunks, err = chunksOf(local); err != nil || len(x.chunks) < 40 {
		t.Fatalf("%d column chunks, %v", len(x.chunks), err)
	}
	return x
}

// read reads [from, to) from fd by reads of n bytes, and compares.
func (x *refusal) read(t *testing.T, fd int, from, to, n int64) {
	t.Helper()
	p, err := unix.Mmap(-1, 0, int(n), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(p)
	for off := from; off < min(to, int64(len(x.want))); {
		got, err := unix.Pread(fd, p, off)
		if err != nil || got == 0 {
			t.Fatalf("read of %d bytes at %d: %d, %v", n, off, got, err)
		}
		if !bytes.Equal(p[:got], x.want[off:off+int64(got)]) {
			t.Fatalf("wrong bytes at %d", off)
		}
		off += int64(got)
	}
}

func (x *refusal) open(t *testing.T, flags int) int {
	t.Helper()
	fd, err := unix.Open(x.path, unix.O_RDONLY|unix.O_CLOEXEC|flags, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// columns reads the footer, and then the second column of each row group by reads of n bytes,
// or at once where n is 0.
func (x *refusal) columns(t *testing.T, fd int, n int64) {
	t.Helper()
	const page = 4096
	size := int64(len(x.want))
	x.read(t, fd, size/page*page, size, page)
	x.read(t, fd, max(size-1<<20, 0)/page*page, size, 512<<10)
	for _, k := range x.chunks {
		if off := k.Off / page * page; k.Column == 1 {
			x.read(t, fd, off, k.End, cmp.Or(n, k.End-off))
		}
	}
}

// TestRefusedPages: what the kernel reads behind the ends of columns is refused, and no reader
// ever sees that: not who goes on there, nor who maps it.
func TestRefusedPages(t *testing.T) {
	x := newRefusal(t)
	x.s.mount()
	fd := x.open(t, 0)
	x.columns(t, fd, 0)
	refused := x.s.values()["fetch_refused_total"]
	if refused == 0 {
		t.Error("nothing was refused")
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		off := rng.Int64N(int64(len(x.want)))
		x.read(t, fd, off, off+1, 1+rng.Int64N(600<<10))
	}
	m, err := unix.Mmap(fd, 0, len(x.want), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(m)
	for _, k := range x.chunks { // some pages on both sides of each end
		for off := k.End - 10_000; off < min(k.End+20_000, int64(len(m))); off += 1000 {
			if m[off] != x.want[off] {
				t.Fatalf("byte %d of the mapping is %d, not %d", off, m[off], x.want[off])
			}
		}
	}
	x.read(t, fd, 0, int64(len(x.want)), 1<<20)
	if !bytes.Equal(m, x.want) {
		t.Error("the mapping has other bytes")
	}
	t.Logf("%d reads of the kernel's were refused", x.s.values()["fetch_refused_total"])
}

// TestNothingRefusedAroundThePageCache: reads that are a program's own are never refused, were
// they exactly like the kernel's: with O_DIRECT, when that flag was taken off the
// descriptor again, and on a mount with direct_io.
func TestNothingRefusedAroundThePageCache(t *testing.T) {
	const stride = 512 << 10
	x := newRefusal(t)
	for name, c := range map[string]struct {
		options string
		flags   int
		clear   bool
	}{
		"O_DIRECT":         {"", unix.O_DIRECT, false},
		"O_DIRECT cleared": {"", unix.O_DIRECT, true},
		"direct_io":        {"direct_io", 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := x.s.fresh(t)
			var options []string
			if c.options != "" {
				options = []string{"-o", c.options}
			}
			s.mount(options...)
			y := *x
			y.s, y.path = s, filepath.Join(s.mnt, "table.parquet")
			fd := y.open(t, c.flags)
			if c.clear {
				if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFL, 0); err != nil {
					t.Fatal(err)
				}
			}
			y.columns(t, fd, stride)
			for _, k := range y.chunks { // and a stride behind each
				if k.Column == 1 {
					y.read(t, fd, k.Off/4096*4096, k.End+2*stride, stride)
				}
			}
			// Without the flag they are the page cache's, where the file was not opened around it.
			if n := s.values()["fetch_refused_total"]; n != 0 && !c.clear {
				t.Errorf("%d reads were refused", n)
			}
		})
	}
}
