package e2e_test

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestFaultF37HugeObject: offsets are 64 bits wide all the way.
func TestFaultF37HugeObject(t *testing.T) {
	const tib = 1 << 40
	s := newStand(t)
	f := s.put("huge", 5*tib+12345)
	s.mount()
	for _, flags := range []int{0, unix.O_DIRECT} {
		h := f.open(t, flags)
		for _, off := range []int64{0, 2*gib - 1, 4*gib - 1, tib + 1, 5*tib - 1, f.size - 1, f.size - 5000} {
			if err := f.readAt(h, off, 70_000); err != nil {
				t.Errorf("read at %d: %v", off, err)
			}
		}
	}
	sample := f.job("sample")
	sample.Count = 4
	sample.must(t)
	if st, err := os.Stat(f.path()); err != nil || st.Size() != f.size {
		t.Errorf("stat: %v, %v", st, err)
	}
}

// TestFaultF37EmptyObject: no byte, no request for it.
func TestFaultF37EmptyObject(t *testing.T) {
	s := newStand(t)
	f := s.put("empty", 0)
	s.mount()
	f.verify(t)
	if n := s.gets("empty"); n != 0 {
		t.Errorf("%d GETs of an empty object", n)
	}
}

// TestFaultF79OddReads: beyond the end, of nothing, at impossible offsets, and
// unaligned with O_DIRECT.
func TestFaultF79OddReads(t *testing.T) {
	for _, direct := range []string{"--direct-io=false", "--direct-io"} {
		t.Run(direct, func(t *testing.T) { oddReads(t, direct) })
	}
}

func oddReads(t *testing.T, option string) {
	s := newStand(t)
	f := s.put("f", 300_001)
	s.mount("--block-size", "64KiB", option)
	for _, flags := range []int{0, unix.O_DIRECT} {
		h := f.open(t, flags)
		for _, r := range []struct {
			off int64
			n   int
		}{
			{f.size, 10}, {f.size + 1, 10}, {f.size + mib, 10}, {1 << 62, 1}, {0, 0}, {5, 0}, {f.size, 0},
			{f.size - 1, 10}, {1, 1}, {65_535, 2}, {3, 100_001}, {0, mib},
		} {
			if err := f.readAt(h, r.off, r.n); err != nil {
				t.Errorf("%d bytes at %d, flags %#x: %v", r.n, r.off, flags, err)
			}
		}
		if _, err := pread(h, make([]byte, 10), -1); !errors.Is(err, unix.EINVAL) {
			t.Errorf("read at -1: %v, want EINVAL", err)
		}
		for _, off := range []int64{0, f.size - 1, f.size} {
			if at, err := h.Seek(off-f.size, 2); at != off || err != nil {
				t.Errorf("seek: %d, %v, want %d", at, err, off)
			}
		}
	}
}
