package s3test_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

func read(t testing.TB, c s3test.Content, off, n int64) []byte {
	t.Helper()
	p := make([]byte, n)
	if k, err := c.ReadAt(p, off); int64(k) != n || err != nil {
		t.Fatalf("ReadAt(%d bytes at %d) = %d, %v", n, off, k, err)
	}
	return p
}

func TestCodedIsTheSameHoweverItIsRead(t *testing.T) {
	const size = 10_000
	c := s3test.Coded(7, 3, size)
	whole := read(t, c, 0, size)
	rapid.Check(t, func(t *rapid.T) {
		off := rapid.Int64Range(0, size).Draw(t, "off")
		n := rapid.Int64Range(0, size).Draw(t, "n")
		p := make([]byte, n)
		k, err := c.ReadAt(p, off)
		if want := min(n, size-off); int64(k) != want || (err == io.EOF) != (want < n) {
			t.Fatalf("ReadAt = %d, %v, want %d", k, err, want)
		}
		if !bytes.Equal(p[:k], whole[off:off+int64(k)]) {
			t.Fatal("other bytes than in one piece")
		}
		if err := s3test.CheckCoded(p[:k], off, 7, 3); err != nil {
			t.Fatal(err)
		}
	})
}

func TestCodedFarOut(t *testing.T) {
	const off = 50<<40 - 1000
	c := s3test.Coded(1, 2, 50<<40)
	if err := s3test.CheckCoded(read(t, c, off, 1000), off, 1, 2); err != nil {
		t.Fatal(err)
	}
}

func TestCheckCodedNamesWhatIsWrong(t *testing.T) {
	const off, n, bad = 4096 + 5, 9000, 6001
	for _, tt := range []struct {
		name          string
		is            s3test.Wrong
		seed, version uint32
		at            int64 // of the first wrong byte
		wrong         s3test.Content
	}{
		{"zeros", s3test.WrongZeros, 0, 0, 0, s3test.Bytes(make([]byte, 1<<16))},
		{"version", s3test.WrongVersion, 1, 9, off + bad, s3test.Coded(1, 9, 1<<20)},
		{"seed", s3test.WrongSeed, 8, 2, off + bad, s3test.Coded(8, 2, 1<<20)},
		{"offset", s3test.WrongOffset, 1, 2, off + bad + 4096, s3test.Section(s3test.Coded(1, 2, 1<<20), 4096, 1<<18)},
		{"shifted by one", s3test.WrongOffset, 1, 2, off + bad + 1, s3test.Section(s3test.Coded(1, 2, 1<<20), 1, 1<<18)},
		{"garbage", s3test.WrongGarbage, 0, 0, 0, s3test.Bytes(bytes.Repeat([]byte("<Error>No</Error>"), 1<<12))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := read(t, s3test.Coded(1, 2, 1<<20), off, n)
			copy(p[bad:], read(t, tt.wrong, off+bad, n-bad))
			err := s3test.CheckCoded(p, off, 1, 2)
			m := new(s3test.Mismatch)
			if !errors.As(err, &m) {
				t.Fatalf("no mismatch: %v", err)
			}
			// One byte of 256 is equal by chance.
			if m.Off < off+bad || m.Off > off+bad+2 {
				t.Errorf("first wrong byte %d, want %d", m.Off, off+bad)
			}
			skip := m.Off - off - bad
			if tt.at == 0 {
				skip = 0
			}
			if m.Is != tt.is || m.Seed != tt.seed || m.Version != tt.version || m.At != tt.at+skip {
				t.Errorf("%v, want %s of seed %d version %d at %d", m, tt.is, tt.seed, tt.version, tt.at)
			}
		})
	}
}

func TestCheckCodedFindsEveryFlippedBit(t *testing.T) {
	p := read(t, s3test.Coded(1, 2, 100), 0, 100)
	for bit := range 800 {
		p[bit/8] ^= 1 << (bit % 8)
		m := new(s3test.Mismatch)
		if err := s3test.CheckCoded(p, 0, 1, 2); !errors.As(err, &m) || m.Off != int64(bit/8) || m.Is != s3test.WrongGarbage {
			t.Fatalf("bit %d: %v", bit, err)
		}
		p[bit/8] ^= 1 << (bit % 8)
	}
}

// A test on one-byte objects can tell versions apart, nearly always.
func TestCodedBytesDependOnTheVersion(t *testing.T) {
	for i := range int64(32) {
		same := 0
		for range 256 {
			a, b := rand.Uint32(), rand.Uint32()
			if read(t, s3test.Coded(1, a, 32), i, 1)[0] == read(t, s3test.Coded(1, b, 32), i, 1)[0] {
				same++
			}
			if read(t, s3test.Coded(a, 1, 32), i, 1)[0] == read(t, s3test.Coded(b, 1, 32), i, 1)[0] {
				same++
			}
		}
		if same > 20 { // 2 are expected
			t.Errorf("byte %d is the same in %d of 512 pairs", i, same)
		}
	}
}

func TestConcatIsItsParts(t *testing.T) {
	parts := [][]byte{[]byte("ab"), nil, []byte("cdefg"), []byte("h")}
	var cs []s3test.Content
	for _, p := range parts {
		cs = append(cs, s3test.Bytes(p))
	}
	c, want := s3test.Concat(cs...), bytes.Join(parts, nil)
	for off := range len(want) + 1 {
		for n := range len(want) + 3 {
			p := make([]byte, n)
			k, err := c.ReadAt(p, int64(off))
			if !bytes.Equal(p[:k], want[off:min(off+n, len(want))]) || (k < n) != (err == io.EOF) {
				t.Fatalf("ReadAt(%d at %d) = %q, %v", n, off, p[:k], err)
			}
		}
	}
}

func BenchmarkCoded(b *testing.B) {
	c, p := s3test.Coded(1, 1, 1<<40), make([]byte, 1<<20)
	b.SetBytes(int64(len(p)))
	for i := int64(0); b.Loop(); i++ {
		if _, err := c.ReadAt(p, i<<20); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheckCoded(b *testing.B) {
	p := read(b, s3test.Coded(1, 1, 1<<20), 0, 1<<20)
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		if err := s3test.CheckCoded(p, 0, 1, 1); err != nil {
			b.Fatal(err)
		}
	}
}
