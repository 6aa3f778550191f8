package crc64_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/minio/crc64nvme"
	"pgregory.net/rapid"

	"github.com/zs3fs/zs3fs/blockcache/crc64"
)

// random is n bytes that the seed alone decides.
func random(seed uint64, n int) []byte {
	p := make([]byte, n)
	r := rand.New(rand.NewPCG(seed, 1))
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return p
}

// check compares both ways of combining with the checksum of the whole.
func check(t interface {
	Helper()
	Errorf(string, ...any)
}, a, b []byte) {
	t.Helper()
	want := crc64nvme.Checksum(slices.Concat(a, b))
	sumA, sumB := crc64nvme.Checksum(a), crc64nvme.Checksum(b)
	if got := crc64.Combine(sumA, sumB, int64(len(b))); got != want {
		t.Errorf("Combine of %d and %d bytes: %#x, want %#x", len(a), len(b), got, want)
	}
	if got := crc64.NewShift(int64(len(b))).Combine(sumA, sumB); got != want {
		t.Errorf("Shift of %d and %d bytes: %#x, want %#x", len(a), len(b), got, want)
	}
}

// The catalogue's check value of CRC-64/NVME.
func TestCheckValue(t *testing.T) {
	const want = 0xae8b14860a799888
	text := []byte("123456789")
	for i := range len(text) + 1 {
		got := crc64.Combine(crc64nvme.Checksum(text[:i]), crc64nvme.Checksum(text[i:]), int64(len(text)-i))
		if got != want {
			t.Errorf("split at %d: %#x", i, got)
		}
	}
}

func TestEverySplit(t *testing.T) {
	p := random(1, 400)
	for i := range len(p) + 1 {
		check(t, p[:i], p[i:])
	}
}

func TestNothing(t *testing.T) {
	for _, p := range [][]byte{nil, {0}, {0xff}, make([]byte, 1<<20), random(2, 1<<20)} {
		check(t, p, nil)
		check(t, nil, p)
	}
}

func TestAnySplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SliceOfN(rapid.Byte(), 0, 5000).Draw(t, "bytes")
		i := rapid.IntRange(0, len(p)).Draw(t, "at")
		check(t, p[:i], p[i:])
	})
}

// Blocks of one length and a last one, as a version is cached.
func TestBlocks(t *testing.T) {
	const block = 64 << 10
	shift := crc64.NewShift(block)
	for _, size := range []int{1, block - 1, block, block + 1, 10 * block, 10*block + 12345} {
		p := random(uint64(size), size)
		var sum uint64
		for off := 0; off < size; off += block {
			b := p[off:min(off+block, size)]
			if len(b) == block {
				sum = shift.Combine(sum, crc64nvme.Checksum(b))
			} else {
				sum = crc64.Combine(sum, crc64nvme.Checksum(b), int64(len(b)))
			}
		}
		if want := crc64nvme.Checksum(p); sum != want {
			t.Errorf("%d bytes: %#x, want %#x", size, sum, want)
		}
	}
}

// Long strings by doubling: 5 TiB, S3's largest object until 2025, and 50 TB, its
// largest since, are sums of powers of two of one block.
func TestLong(t *testing.T) {
	const block = 1 << 20
	for _, p := range [][]byte{random(3, block), make([]byte, block)} {
		one := crc64nvme.Checksum(p)
		for _, blocks := range []int64{3, 257, 5 << 20, 50_000_000_000_000 / block} {
			var want uint64 // by doubling, from the highest bit down
			var length int64
			for bit := 62; bit >= 0; bit-- {
				want, length = crc64.Combine(want, want, length), 2*length
				if blocks>>bit&1 != 0 {
					want, length = crc64.Combine(want, one, block), length+block
				}
			}
			if length != blocks*block {
				t.Fatalf("%d bytes", length)
			}
			// One by one, and by adding all but one at once.
			shift := crc64.NewShift(block)
			var sum, last uint64
			for range min(blocks, 5<<20) {
				last, sum = sum, shift.Combine(sum, one)
			}
			if blocks <= 5<<20 && sum != want {
				t.Errorf("%d blocks one by one: %#x, doubled %#x", blocks, sum, want)
			}
			if got := crc64.Combine(one, last, length-block); blocks <= 5<<20 && got != want {
				t.Errorf("%d blocks, the first before all others: %#x, want %#x", blocks, got, want)
			}
			if got := crc64.NewShift(length).Combine(one, want); got != crc64.Combine(want, one, block) {
				t.Errorf("a block before %d bytes: %#x", length, got)
			}
			if blocks <= 257 {
				h := crc64nvme.New()
				for range blocks {
					h.Write(p)
				}
				if h.Sum64() != want {
					t.Errorf("%d blocks hashed: %#x, want %#x", blocks, h.Sum64(), want)
				}
			}
		}
	}
}

// A wrong block, order or length is seen: that is what a proof is for.
func TestNoFalseProof(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "a")
		b := rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "b")
		ab, ba := slices.Concat(a, b), slices.Concat(b, a)
		if bytes.Equal(ab, ba) {
			b[0]++ // or a and b are the same word, repeated
			ab = slices.Concat(a, b)
		}
		want, sumA, sumB := crc64nvme.Checksum(ab), crc64nvme.Checksum(a), crc64nvme.Checksum(b)
		n := int64(len(b))
		for name, got := range map[string]uint64{
			"a flipped bit": crc64.Combine(sumA^1<<17, sumB, n),
			"swapped":       crc64.Combine(sumB, sumA, int64(len(a))),
			"a missing":     sumB,
			"b twice":       crc64.Combine(want, sumB, n),
			"one byte more": crc64.Combine(sumA, sumB, n+1),
			"one byte less": crc64.Combine(sumA, sumB, n-1),
		} {
			if got == want {
				t.Errorf("%s: not seen", name)
			}
		}
	})
}

func FuzzCombine(f *testing.F) {
	f.Add([]byte("123456789"), 4)
	f.Add([]byte{}, 0)
	f.Add(make([]byte, 100), 99)
	f.Fuzz(func(t *testing.T, p []byte, at int) {
		if at < 0 || at > len(p) {
			at = len(p) / 2
		}
		check(t, p[:at], p[at:])
	})
}

func BenchmarkCombine(b *testing.B) {
	var sum uint64
	for i := 0; b.Loop(); i++ {
		sum = crc64.Combine(sum, uint64(i), 1<<20)
	}
}

func BenchmarkShift(b *testing.B) {
	shift := crc64.NewShift(1 << 20)
	var sum uint64
	for i := 0; b.Loop(); i++ {
		sum = shift.Combine(sum, uint64(i))
	}
}

func BenchmarkNewShift(b *testing.B) {
	for b.Loop() {
		crc64.NewShift(1 << 20)
	}
}
