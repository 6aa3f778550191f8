package conformance

import (
	"fmt"
	"io"
	"testing"
)

// BenchmarkBucket measures the operations that TestBucket proves.
func BenchmarkBucket(b *testing.B, open Open) {
	const size, request = 64 << 20, 8 << 20
	s := suite{open(b), b}
	obj := s.put("large", 1, 1, size)
	keys := make([]string, 1000)
	for i := range keys {
		keys[i] = fmt.Sprintf("p/%04d", i)
	}
	s.putAll(keys)
	s.TB = nil // each benchmark has its own

	b.Run("Head", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Bucket.Head(b.Context(), "large"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("List1000", func(b *testing.B) {
		for b.Loop() {
			for _, err := range s.Bucket.List(b.Context(), "p/", 0) {
				if err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	for _, n := range []int64{64 << 10, request} {
		b.Run(fmt.Sprintf("Open%dKiB", n>>10), func(b *testing.B) {
			b.SetBytes(n)
			buf := make([]byte, n)
			for i := int64(0); b.Loop(); i++ {
				body, err := s.Bucket.Open(b.Context(), obj, i*n%size, n)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(body, buf); err != nil {
					b.Fatal(err)
				}
				if err := body.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
