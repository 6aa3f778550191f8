package catalog

import (
	"encoding/binary"
)

// run is some nodes of a listing, in their order, packed as the tables of LSM trees
// are: a name says only how it differs from the one before it, and every 16th is
// whole, to search among. A million files named alike take about 30 MB, of which
// the garbage collector need not look at any, instead of 300 MB.
type run struct {
	data  []byte
	whole []uint32 // offsets of the nodes that can be read by themselves
	n     int
}

// restart is how many nodes apart the whole ones are.
const restart = 16

// What a node's first byte says about the rest.
const (
	isDir       = 1 << iota
	digestTag   // the ETag is 32 digits in quotes: 16 bytes
	partsTag    // the same with "-N", the number of parts
	standard    // the class is spelled out as STANDARD
	otherClass  // the class follows
	timeless    // the zero time
	moreDetails // VersionID, ContentType and Restored follow
)

// bytes is about what the run takes of memory.
func (r *run) bytes() int64 { return int64(len(r.data) + 4*len(r.whole) + 80) }

// search returns the index of the first node whose name is not below name; it may
// be n.
func (r *run) search(name string) int {
	lo, hi := 0, len(r.whole) // the name is not before the whole node lo-1, and before hi
	for lo < hi {
		mid := (lo + hi) / 2
		if string(r.wholeName(mid)) <= name {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == 0 {
		return 0
	}
	u := r.from((lo-1)*restart, "", false)
	for u.next < r.n {
		at := u.next
		if u.pass(); string(u.name) >= name {
			return at
		}
	}
	return r.n
}

// wholeName returns the name of the i-th whole node; it is the run's own.
func (r *run) wholeName(i int) []byte {
	off := int(r.whole[i]) + 2 // the flags and a shared length of 0
	n, k := binary.Uvarint(r.data[off:])
	return r.data[off+k : off+k+int(n)]
}
