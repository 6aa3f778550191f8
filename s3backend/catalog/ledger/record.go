package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"

	"github.com/minio/crc64nvme"
)

// The log, little endian: a header of 64 bytes,
//
//	0   8  magic
//	8   4  format version
//	16  16 the log's id, random: marks name it, and every record's check begins with it
//	32  8  CRC64NVME of all before
//
// and records at multiples of 16 bytes, each a header of 48 bytes,
//
//	0   4  magic
//	4   1  what: put, drop, renewal
//	8   8  hash of the key
//	16  8  when the question was asked, Unix ns; 0 is long ago
//	24  8  length of the payload; of a renewal, the place of the renewed record
//	32  8  CRC64NVME of the payload
//	40  8  CRC64NVME of the log's id and all before
//
// and a payload: the length of the key in 4 bytes, the key (view, kind, path), the body.
const (
	logHeader    = 64
	recordHeader = 48
	align        = 16
	logVersion   = 1
)

const (
	recordPut = 1 + iota
	recordDrop
	recordRenewal
)

var (
	logMagic    = []byte("zs3fsnam")
	recordMagic = []byte("zlr\x01")
)

type logID [16]byte

func encodeLogHeader(id logID) []byte {
	raw := make([]byte, logHeader)
	copy(raw, logMagic)
	binary.LittleEndian.PutUint32(raw[8:], logVersion)
	copy(raw[16:], id[:])
	binary.LittleEndian.PutUint64(raw[32:], crc64nvme.Checksum(raw[:32]))
	return raw
}

func decodeLogHeader(raw []byte) (id logID, ok bool) {
	ok = len(raw) == logHeader && bytes.HasPrefix(raw, logMagic) &&
		binary.LittleEndian.Uint32(raw[8:]) == logVersion &&
		binary.LittleEndian.Uint64(raw[32:]) == crc64nvme.Checksum(raw[:32])
	if ok {
		id = logID(raw[16:32])
	}
	return id, ok
}

// record is a record's header.
type record struct {
	what   byte
	hash   uint64
	asked  int64
	length int64 // or the place of the renewed
	sum    uint64
}

func (r *record) encode(raw []byte, id logID) []byte {
	start := len(raw)
	raw = append(raw, recordMagic...)
	raw = append(raw, r.what, 0, 0, 0)
	raw = binary.LittleEndian.AppendUint64(raw, r.hash)
	raw = binary.LittleEndian.AppendUint64(raw, uint64(r.asked))
	raw = binary.LittleEndian.AppendUint64(raw, uint64(r.length))
	raw = binary.LittleEndian.AppendUint64(raw, r.sum)
	return binary.LittleEndian.AppendUint64(raw, checkOf(id, raw[start:]))
}

// decodeRecord reads the header that raw begins with.
func decodeRecord(raw []byte, id logID) (r record, ok bool) {
	if len(raw) < recordHeader || !bytes.HasPrefix(raw, recordMagic) ||
		binary.LittleEndian.Uint64(raw[40:]) != checkOf(id, raw[:40]) {
		return r, false
	}
	r = record{
		what: raw[4], hash: binary.LittleEndian.Uint64(raw[8:]), asked: int64(binary.LittleEndian.Uint64(raw[16:])),
		length: int64(binary.LittleEndian.Uint64(raw[24:])), sum: binary.LittleEndian.Uint64(raw[32:]),
	}
	return r, r.what >= recordPut && r.what <= recordRenewal && r.asked >= 0 && r.length >= 0 && r.length < maxLog
}

func checkOf(id logID, header []byte) uint64 {
	return crc64nvme.Update(crc64nvme.Checksum(id[:]), header)
}

// span is what the record takes of the log.
func (r *record) span() int64 {
	if r.what != recordPut {
		return recordHeader
	}
	return spanOf(r.length)
}

func spanOf(payload int64) int64 { return (recordHeader + payload + align - 1) / align * align }

// keyOf returns what a payload begins with, and the key's hash.
func keyOf(view [16]byte, kind byte, path string) (raw []byte, hash uint64) {
	raw = make([]byte, 0, 4+len(view)+1+len(path))
	raw = binary.LittleEndian.AppendUint32(raw, uint32(len(view)+1+len(path)))
	raw = append(raw, view[:]...)
	raw = append(raw, kind)
	raw = append(raw, path...)
	sum := sha256.Sum256(raw)
	return raw, binary.LittleEndian.Uint64(sum[:])
}

// viewOf makes a name of what an answer depends on beside its key.
func viewOf(view string) [16]byte {
	sum := sha256.Sum256([]byte("zs3fs names 1\x00" + view))
	return [16]byte(sum[:16])
}
