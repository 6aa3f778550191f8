package catalog

import (
	"encoding/binary"

	"github.com/zs3fs/zs3fs/s3backend"
)

// record has the ledger keep what memory keeps.
func (s *store) record(key string, h *held) {
	if s.ledger == nil {
		return
	}
	var body [][]byte
	if h.listing != nil {
		body = h.listing.encode()
	} else {
		body = [][]byte{encodeNode(h)}
	}
	s.ledger.Put(key[0], key[1:], h.asked, body...)
}

func encodeNode(h *held) []byte {
	raw := []byte{persistVersion, keptAbsent}
	switch {
	case h.absent:
		return raw
	case !h.node.Dir:
		raw[1] = keptFile
	case h.node.Object.Key == "":
		raw[1] = keptDir
		return raw
	default:
		raw[1] = keptMarkedDir
	}
	return appendObject(raw, h.node.Object)
}

// appendObject writes an object with its key, which need not be made of the path.
func appendObject(raw []byte, o s3backend.Object) []byte {
	var p packer
	p.add(Node{Name: o.Key, Object: o})
	raw = binary.AppendUvarint(raw, uint64(len(p.data)))
	return append(raw, p.data...)
}

func (l *Listing) encode() [][]byte {
	raw := []byte{persistVersion}
	for _, n := range []int{l.Hidden.Unrepresentable, l.Hidden.Shadowed, l.Hidden.MarkerContent, l.Hidden.TooLong} {
		raw = binary.AppendUvarint(raw, uint64(n))
	}
	found := byte(0)
	if l.found {
		found = 1
	}
	raw = append(raw, found)
	raw = appendObject(raw, l.Marker)
	raw = binary.AppendUvarint(raw, uint64(len(l.runs)))
	parts := make([][]byte, 0, 1+2*len(l.runs))
	for i := range l.runs {
		r := &l.runs[i]
		raw = binary.AppendUvarint(raw, uint64(r.n))
		raw = binary.AppendUvarint(raw, uint64(len(r.data)))
		parts = append(parts, raw, r.data)
		raw = nil
	}
	return append(parts, raw)
}
