package catalog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"

	"github.com/zs3fs/zs3fs/s3backend"
)

// What a Ledger keeps: of a path whether there is a node and which, of a directory its
// listing, packed as it is in memory. Another form is another persistVersion; what has
// another is not there.
const persistVersion = 1

// What a node's first byte says, after the version.
const (
	keptAbsent = iota
	keptFile
	keptDir
	keptMarkedDir // of which the marker is known
)

var errUnreadable = errors.New("catalog: not an answer of ours")

// persisted reads what encode and encodeNode wrote. It is proved by a checksum, so that
// a fault in it is one of zs3fs, or somebody's craft: whatever it is, it is an error.
type persisted struct{ raw []byte }

func (p *persisted) uvarint() int {
	n, k := binary.Uvarint(p.raw)
	if k <= 0 || n > 1<<40 {
		panic(errUnreadable)
	}
	p.raw = p.raw[k:]
	return int(n)
}

func (p *persisted) bytes(n int) []byte {
	b := p.raw[:n]
	p.raw = p.raw[n:]
	return b
}

func (p *persisted) version() {
	if p.bytes(1)[0] != persistVersion {
		panic(errUnreadable)
	}
}

func (p *persisted) object() s3backend.Object {
	r := run{data: p.bytes(p.uvarint()), whole: []uint32{0}, n: 1}
	u := r.from(0, "", false)
	n := u.node()
	if u.off != len(r.data) {
		panic(errUnreadable)
	}
	return n.Object
}

// reading makes an error of the panics of those who read packed bytes without looking
// where they end.
func reading(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%w: %v", errUnreadable, p)
	}
}

func decodeNode(raw []byte, path string) (h *held, err error) {
	defer reading(&err)
	_, name := split(path)
	h = &held{node: Node{Name: name}}
	p := persisted{raw}
	p.version()
	switch kind := p.bytes(1)[0]; kind {
	case keptAbsent:
		h.node, h.absent = Node{}, true
	case keptDir:
		h.node.Dir = true
	case keptFile, keptMarkedDir:
		h.node.Dir = kind == keptMarkedDir
		h.node.Object = p.object()
		h.node.ModTime = h.node.Object.ModTime
	default:
		return nil, errUnreadable
	}
	return h, nil
}

// decodeListing reads a listing, whose bytes become its own. All nodes are looked at:
// a sum is by the seed of the process.
func decodeListing(raw []byte, below string, names escaping, seed maphash.Seed) (l *Listing, err error) {
	defer reading(&err)
	p := persisted{raw}
	p.version()
	l = &Listing{below: below, names: names}
	for _, n := range []*int{&l.Hidden.Unrepresentable, &l.Hidden.Shadowed, &l.Hidden.MarkerContent, &l.Hidden.TooLong} {
		*n = p.uvarint()
	}
	l.found = p.bytes(1)[0] == 1
	l.Marker = p.object()
	sum := sum{}
	sum.SetSeed(seed)
	last := ""
	for range p.uvarint() {
		n := p.uvarint()
		r := run{data: p.bytes(p.uvarint()), n: n}
		if last, err = r.restore(&sum, last, names); err != nil {
			return nil, err
		}
		l.add(r)
	}
	l.sum = sum.Sum64()
	return l, nil
}

// restore finds the whole nodes again, and looks at all: names in order after last, of
// which it returns the latest.
func (r *run) restore(sum *sum, last string, names escaping) (string, error) {
	if r.n <= 0 || r.n > len(r.data) {
		return "", errUnreadable
	}
	u := unpacker{run: r, names: names}
	for u.next < r.n {
		whole := u.next%restart == 0
		if whole {
			r.whole = append(r.whole, uint32(u.off))
			if r.data[u.off+1] != 0 {
				return "", errUnreadable
			}
		}
		n := u.node()
		if _, _, ok := names.parse(n.Name); !ok || n.Name <= last || !n.Dir && n.Object.Size < 0 {
			return "", errUnreadable
		}
		sum.add(n)
		last = n.Name
	}
	if u.off != len(r.data) {
		return "", errUnreadable
	}
	return last, nil
}
