package s3test

import (
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"io"
	"io/fs"
	"math/bits"
)

// unitSize is the length of one coded unit: two words of 64 bits, enough for a
// seed, a version and an offset with bits left over to recognise garbage.
const unitSize = 16

// The mixing makes units incompressible, so that lz4 and zstd on the cache's file
// system treat them like real data, and lets every byte depend on every input, so
// that even one byte differs between versions (255 times of 256). All steps are
// bijections, so that a unit can be decoded.
const (
	unitKey = 0x9e3779b97f4a7c15 // above maxUnit: no unit is ever all zeros
	mulA    = 0xbf58476d1ce4e5b9
	mulB    = 0x94d049bb133111eb
	mulC    = 0xd6e8feb86659fd93
	// maxUnit bounds the unit indexes that are taken for real ones when decoding:
	// 1 PiB, twenty times S3's largest object. One in a million of random units passes.
	maxUnit = 1 << 44
)

// identity is the part of the code that is the same throughout an object.
func identity(seed, version uint32) uint64 {
	x := uint64(seed)<<32 | uint64(version)
	x = (x ^ x>>31) * mulA
	return (x ^ x>>32) * mulC
}

// unidentity undoes identity.
func unidentity(x uint64) (seed, version uint32) {
	x *= inverse(mulC)
	x = (x ^ x>>32) * inverse(mulA)
	x = x ^ x>>31 ^ x>>62
	return uint32(x >> 32), uint32(x)
}

// inverse of an odd number modulo 2^64, by Newton's method: each step doubles the
// number of right bits, of which the start has 3.
func inverse(a uint64) uint64 {
	x := a
	for range 5 {
		x *= 2 - a*x
	}
	return x
}

// encodeUnit returns unit number u (offset u*16) of the object with identity id.
func encodeUnit(u, id uint64) (lo, hi uint64) {
	a := u ^ unitKey
	hi = (id ^ bits.RotateLeft64(a*mulA, 32)) * mulB
	lo = (a ^ bits.RotateLeft64(hi, 32)) * mulC
	return lo, hi
}

// decodeUnit undoes encodeUnit; ok says that u is a plausible index.
func decodeUnit(lo, hi uint64) (u, id uint64, ok bool) {
	a := lo*inverse(mulC) ^ bits.RotateLeft64(hi, 32)
	id = hi*inverse(mulB) ^ bits.RotateLeft64(a*mulA, 32)
	u = a ^ unitKey
	return u, id, u < maxUnit
}

// fillUnits writes whole units from index u on; len(p) is a multiple of 16.
func fillUnits(p []byte, u, id uint64) {
	for len(p) >= unitSize {
		lo, hi := encodeUnit(u, id)
		binary.LittleEndian.PutUint64(p, lo)
		binary.LittleEndian.PutUint64(p[8:16], hi)
		p = p[unitSize:]
		u++
	}
}

// fillCoded writes the coded bytes from offset off on, aligned or not.
func fillCoded(p []byte, off int64, id uint64) {
	var edge [unitSize]byte
	if skip := int(off % unitSize); skip != 0 {
		fillUnits(edge[:], uint64(off/unitSize), id)
		n := copy(p, edge[skip:])
		p, off = p[n:], off+int64(n)
	}
	whole := len(p) &^ (unitSize - 1)
	fillUnits(p[:whole], uint64(off/unitSize), id)
	if whole < len(p) {
		fillUnits(edge[:], uint64(off/unitSize)+uint64(whole/unitSize), id)
		copy(p[whole:], edge[:])
	}
}

type coded struct {
	seed, version uint32
	id            uint64
	size          int64
}

// Coded is a Content of size bytes in which every aligned 16 bytes say which
// seed, version and offset they belong to: a pure function of the three, so that
// a reader can check any range with no copy of it. It takes no memory, does not
// compress, and holds no 16 aligned zero bytes.
func Coded(seed, version uint32, size int64) Content {
	return coded{seed, version, identity(seed, version), size}
}

func (c coded) Size() int64 { return c.size }

// ReadAt implements io.ReaderAt.
func (c coded) ReadAt(p []byte, off int64) (int, error) {
	n, err := clip(len(p), off, c.size)
	fillCoded(p[:n], off, c.id)
	return n, err
}

// ETag implements Tagged: an opaque tag of the form that S3 gives to multipart
// uploads, because an MD5 would mean generating every byte.
func (c coded) ETag() string {
	var b [16]byte
	binary.BigEndian.PutUint32(b[0:], c.seed)
	binary.BigEndian.PutUint32(b[4:], c.version)
	binary.BigEndian.PutUint64(b[8:], uint64(c.size))
	sum := md5.Sum(b[:])
	return `"` + hex.EncodeToString(sum[:]) + `-1"`
}

// clip returns how many of n bytes at off lie below size, and io.EOF if not all.
func clip(n int, off, size int64) (int, error) {
	if off < 0 {
		return 0, fs.ErrInvalid
	}
	if rest := max(size-off, 0); int64(n) > rest {
		return int(rest), io.EOF
	}
	return n, nil
}
