package catalog

import (
	"slices"
	"strings"

	"github.com/zs3fs/zs3fs/s3backend"
)

// splitter guesses keys between which a large directory is listed side by side. It
// takes the characters that it has seen where the keys of a page differ for digits,
// and goes on from the last key by as much as the last page has advanced: right for
// numbered and for hashed names. A bad guess costs requests, and nothing else. It has
// no I/O, clock or goroutine.
type splitter struct {
	first, last string // keys of the latest page
	n           int    // and their number
	digits      []byte // sorted
	// from and to are the places that make the number.
	from, to int
}

const (
	// seenDigits is how many places of a page's keys are looked at, from the first in
	// which they differ: those behind may be an ending.
	seenDigits = 3
	// lowDigits and highDigits are how many places the number has from there on and
	// before it, for what it carries over.
	lowDigits, highDigits = 4, 6
)

// saw takes note of the latest page, in order.
func (s *splitter) saw(page []s3backend.Entry, prefix string) {
	if len(page) < 2 {
		s.n = 0
		return
	}
	s.first, s.last, s.n = page[0].Object.Key, page[len(page)-1].Object.Key, len(page)
	same := 0
	for same < min(len(s.first), len(s.last)) && s.first[same] == s.last[same] {
		same++
	}
	for _, e := range page {
		key := e.Object.Key
		for i := same; i < min(len(key), same+seenDigits); i++ {
			if at, known := slices.BinarySearch(s.digits, key[i]); !known && key[i] != '/' && key[i] < 0x80 {
				s.digits = slices.Insert(s.digits, at, key[i])
			}
		}
	}
	s.from, s.to = same, same+lowDigits
	for s.from > max(len(prefix), same-highDigits) && s.digit(s.last[s.from-1]) >= 0 {
		s.from--
	}
	for pow(len(s.digits), s.to-s.from) == 0 {
		s.to--
	}
}

// digit returns the value of a character, -1 if it is none.
func (s *splitter) digit(c byte) int {
	if i, ok := slices.BinarySearch(s.digits, c); ok {
		return i
	}
	return -1
}

// value returns the number in key; what is no digit ends it.
func (s *splitter) value(key string) (v uint64) {
	ended := false
	for i := s.from; i < s.to; i++ {
		d := -1
		if !ended && i < len(key) {
			d = s.digit(key[i])
		}
		ended = d < 0
		v = v*uint64(len(s.digits)) + uint64(max(d, 0))
	}
	return v
}

// after returns a key about n keys behind key, which comes after the last page; ""
// when there can be none that the splitter knows of.
func (s *splitter) after(key string, n int) string {
	if s.n < 2 || n > 1<<20 || len(s.digits) < 2 || s.to <= s.from || len(key) < s.from || key[:s.from] != s.last[:s.from] {
		return ""
	}
	first, last := s.value(s.first), s.value(s.last)
	limit := pow(len(s.digits), s.to-s.from)
	if last <= first {
		return ""
	}
	v := s.value(key) + (last-first)*uint64(n)/uint64(s.n)
	if v >= limit {
		return ""
	}
	text := make([]byte, s.to-s.from)
	for i := len(text) - 1; i >= 0; i-- {
		text[i] = s.digits[v%uint64(len(s.digits))]
		v /= uint64(len(s.digits))
	}
	if next := key[:s.from] + string(text); next > key {
		return next
	}
	return ""
}

// pow returns base to the power of n, 0 when that is too large to count with.
func pow(base, n int) uint64 {
	v := uint64(1)
	for range n {
		if v *= uint64(base); v > 1<<40 {
			return 0
		}
	}
	return v
}

// cut parts a page in order behind the key until; an empty one is behind all.
func cut(page []s3backend.Entry, until string) (before, behind []s3backend.Entry) {
	if until == "" {
		return page, nil
	}
	i, found := slices.BinarySearchFunc(page, until, func(e s3backend.Entry, key string) int {
		return strings.Compare(e.Object.Key, key)
	})
	if found {
		i++
	}
	return page[:i], page[i:]
}
