package blockcache

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/bits"

	"github.com/minio/crc64nvme"
)

// The map of a version: a header, a seal (see seal.go), then 8 bytes a block,
// little endian: the block's CRC64NVME, or 0 for absent. A block whose CRC happens
// to be 0 is never cached.
//
//	0   8  magic
//	8   4  format version
//	16  32 identity
//	48  8  size of the object
//	56  8  block size
//	120 8  CRC64NVME of bytes 0 to 120
//	128 64 seal
//	192    entries
//
// The sizes keep every entry within one aligned 8 bytes, and the seal within one
// sector, which no kill can tear, and let the map of a small object fit into one
// sector.
const (
	headerSize    = 128
	sealOffset    = headerSize
	entriesOffset = sealOffset + sealSize
	entrySize     = 8
	pageEntries   = 512 // entries read and held together: 4 KiB
	formatVersion = 2
)

var mapMagic = []byte("zs3fsmap")

var errDamaged = errors.New("blockcache: damaged")

// header is what a map must say to be this version's.
type header struct {
	id              identity
	size, blockSize int64
}

func (h header) encode() []byte {
	p := make([]byte, headerSize)
	copy(p, mapMagic)
	binary.LittleEndian.PutUint32(p[8:], formatVersion)
	copy(p[16:], h.id[:])
	binary.LittleEndian.PutUint64(p[48:], uint64(h.size))
	binary.LittleEndian.PutUint64(p[56:], uint64(h.blockSize))
	binary.LittleEndian.PutUint64(p[headerSize-8:], crc64nvme.Checksum(p[:headerSize-8]))
	return p
}

// decodeHeader is the inverse of encode and takes nothing else: any other bytes
// are errDamaged.
func decodeHeader(p []byte) (header, error) {
	if len(p) != headerSize {
		return header{}, errDamaged
	}
	h := header{
		id:        identity(p[16:48]),
		size:      int64(binary.LittleEndian.Uint64(p[48:])),
		blockSize: int64(binary.LittleEndian.Uint64(p[56:])),
	}
	valid := h.size > 0 && h.blockSize > 0 && bits.OnesCount64(uint64(h.blockSize)) == 1
	if !valid || !bytes.Equal(p, h.encode()) {
		return header{}, errDamaged
	}
	return h, nil
}

// count returns the number of blocks.
func (h header) count() int64 { return (h.size-1)/h.blockSize + 1 }

// mapSize returns the length of the map's file.
func (h header) mapSize() int64 { return entriesOffset + h.count()*entrySize }

// blockLen returns the length of one block.
func (h header) blockLen(index int64) int64 { return min(h.blockSize, h.size-index*h.blockSize) }

// pageSpan returns where page p lies in the map's file.
func (h header) pageSpan(p int64) (off, n int64) {
	off = entriesOffset + p*pageEntries*entrySize
	return off, min(pageEntries*entrySize, h.mapSize()-off)
}

// pages returns the number of the map's pages.
func (h header) pages() int64 { return (h.count()-1)/pageEntries + 1 }

// page is a part of a map in memory.
type page struct {
	entries  [pageEntries]uint64
	verified [pageEntries / 64]uint64 // compared with their CRC since the start
}

func decodePage(raw []byte) *page {
	p := new(page)
	for i := range len(raw) / entrySize {
		p.entries[i] = binary.LittleEndian.Uint64(raw[i*entrySize:])
	}
	return p
}

func encodeEntries(entries []uint64) []byte {
	raw := make([]byte, 0, len(entries)*entrySize)
	for _, e := range entries {
		raw = binary.LittleEndian.AppendUint64(raw, e)
	}
	return raw
}

func (p *page) isVerified(i int64) bool { return p.verified[i/64]&(1<<(i%64)) != 0 }

// pageSegments returns how many segments page n tells of.
func (h header) pageSegments(n int64) int64 {
	return (min(pageEntries, h.count()-n*pageEntries)-1)/segmentBlocks + 1
}

// presentBytes adds up the blocks of one segment that page n says are there.
func (p *page) presentBytes(h header, n, segment int64) (sum int64) {
	first := segment * segmentBlocks
	for i, e := range p.entries[first : first+segmentBlocks] {
		if e != 0 {
			sum += h.blockLen(n*pageEntries + first + int64(i))
		}
	}
	return sum
}

// count returns how many of the page's blocks are present, and how many of these
// have been verified.
func (p *page) count() (present, verified int64) {
	for i, e := range p.entries {
		if e != 0 {
			present++
			if p.isVerified(int64(i)) {
				verified++
			}
		}
	}
	return present, verified
}
