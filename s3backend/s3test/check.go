package s3test

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Mismatch is the error of CheckCoded: the first wrong byte and what stands there.
type Mismatch struct {
	// Off is the offset of the first wrong byte in the object.
	Off int64
	// Is says what stands there.
	Is Wrong
	// Seed, Version and At name the coded bytes found, where Is is one of the
	// Wrong… values that recognise some: At is the offset they belong to.
	Seed, Version uint32
	At            int64

	wantSeed, wantVersion uint32
	got, want             byte
}

// Wrong is a kind of wrong bytes.
type Wrong string

// What can stand in place of the right bytes.
const (
	WrongZeros   Wrong = "zeros"
	WrongOffset  Wrong = "bytes of another offset"
	WrongVersion Wrong = "bytes of another version"
	WrongSeed    Wrong = "bytes of another seed"
	WrongGarbage Wrong = "garbage"
)

func (m *Mismatch) Error() string {
	head := fmt.Sprintf("seed %d version %d: byte %d is %#02x, not %#02x: %s",
		m.wantSeed, m.wantVersion, m.Off, m.got, m.want, m.Is)
	switch m.Is {
	case WrongOffset, WrongVersion, WrongSeed:
		return fmt.Sprintf("%s (seed %d, version %d, offset %d)", head, m.Seed, m.Version, m.At)
	}
	return head
}

// CheckCoded compares p, read at off, with Coded(seed, version, ...), and returns
// a *Mismatch that names the first wrong byte and what stands there instead:
// zeros, another offset, another version, another seed, garbage.
func CheckCoded(p []byte, off int64, seed, version uint32) error {
	id := identity(seed, version)
	var want [4096]byte
	for done := 0; done < len(p); {
		n := min(len(want), len(p)-done)
		fillCoded(want[:n], off+int64(done), id)
		if got := p[done : done+n]; !bytes.Equal(got, want[:n]) {
			i := 0
			for got[i] == want[i] {
				i++
			}
			m := &Mismatch{Off: off + int64(done+i), wantSeed: seed, wantVersion: version, got: got[i], want: want[i]}
			m.classify(p, done+i, off)
			return m
		}
		done += n
	}
	return nil
}

// classify says what stands in p, read at off, from index i on.
func (m *Mismatch) classify(p []byte, i int, off int64) {
	m.Is = WrongGarbage
	// Three quarters of a unit of zeros do not come by chance; nearer the end of p
	// whatever is left must do.
	if rest := p[i:min(i+12, len(p))]; len(bytes.Trim(rest, "\x00")) == 0 {
		m.Is = WrongZeros
		return
	}
	// Bytes of another place may be shifted by any number and begin anywhere in
	// the unit of the first wrong byte, so every window that touches it is tried.
	for s := max(i-unitSize+1, 0); s <= i+unitSize && s+unitSize <= len(p); s++ {
		if u, id, ok := decodeUnit(words(p[s:])); ok && m.recognise(p, s, u, id, off) {
			return
		}
	}
}

// recognise takes the unit found at p[s:] for what it says, if that is likely.
func (m *Mismatch) recognise(p []byte, s int, u, id uint64, off int64) bool {
	seed, version := unidentity(id)
	at := int64(u) * unitSize
	alike := 0
	for _, same := range []bool{seed == m.wantSeed, version == m.wantVersion, at == off+int64(s)} {
		if same {
			alike++
		}
	}
	// A damaged unit can decode to something, but never to something alike, nor
	// does its neighbour then follow.
	if alike == 3 || alike < 2 && !follows(p, s, u, id) {
		return false
	}
	m.Seed, m.Version, m.At = seed, version, at+m.Off-off-int64(s)
	switch {
	case seed != m.wantSeed:
		m.Is = WrongSeed
	case version != m.wantVersion:
		m.Is = WrongVersion
	default:
		m.Is = WrongOffset
	}
	return true
}

// follows says that the unit after or before p[s:] is the neighbour of unit u.
func follows(p []byte, s int, u, id uint64) bool {
	for _, step := range []int{1, -1} {
		if t := s + step*unitSize; t >= 0 && t+unitSize <= len(p) {
			if nu, nid, _ := decodeUnit(words(p[t:])); nid == id && nu == u+uint64(step) {
				return true
			}
		}
	}
	return false
}

func words(p []byte) (lo, hi uint64) {
	return binary.LittleEndian.Uint64(p), binary.LittleEndian.Uint64(p[8:])
}
