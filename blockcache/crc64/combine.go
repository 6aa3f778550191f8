package crc64

import "sync"

// ofBytes is the same for ever, and costs 4,000 steps once.
var ofBytes = sync.OnceValue(newPowers)

// Combine returns the CRC64NVME of the bytes of a followed by those of b, from
// the two checksums and the length of b in bytes; lenB >= 0. The checksum of no
// bytes is 0. It costs microseconds: see [Shift] for many of one length.
func Combine(a, b uint64, lenB int64) uint64 {
	// A CRC is linear but for the ones that it begins and ends with, and those
	// cancel: a's final ones, moved on by b's length, are b's initial ones.
	return mul(ofBytes().bytes(lenB), a) ^ b
}

// Shift combines checksums where the second part always has the same length, as
// blocks have: a million of them in milliseconds. An immutable value, safe for
// concurrent use.
type Shift struct {
	// table[i][v] is what lenB bytes of zeros make of v in byte i of a.
	table [8][256]uint64
}

// NewShift prepares for second parts of lenB bytes; lenB >= 0. It takes 16 KiB.
func NewShift(lenB int64) *Shift {
	s := new(Shift)
	by := ofBytes().bytes(lenB)
	for i := range s.table {
		t := &s.table[i]
		// Powers of two by multiplication, the sums from those.
		for bit := 0; bit < 8; bit++ {
			t[1<<bit] = mul(by, 1<<(8*i+bit))
		}
		for v := range t {
			t[v] = t[v&(v-1)] ^ t[v&-v]
		}
	}
	return s
}

// Combine returns what the function Combine does for the Shift's length.
func (s *Shift) Combine(a, b uint64) uint64 {
	return s.table[0][a&0xff] ^ s.table[1][a>>8&0xff] ^
		s.table[2][a>>16&0xff] ^ s.table[3][a>>24&0xff] ^
		s.table[4][a>>32&0xff] ^ s.table[5][a>>40&0xff] ^
		s.table[6][a>>48&0xff] ^ s.table[7][a>>56] ^ b
}
