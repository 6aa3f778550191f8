package catalog

import (
	"encoding/binary"
	"strings"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
)

// unpacker reads the nodes of a run from a whole one on.
type unpacker struct {
	run   *run
	below string // what the keys start with before the name
	names escaping
	next  int // index of the next node
	off   int
	name  []byte
	secs  int64
}

// from returns an unpacker whose next node is the i-th, which exists.
func (r *run) from(i int, below string, e escaping) unpacker {
	u := unpacker{run: r, below: below, names: e, next: i / restart * restart, off: int(r.whole[i/restart])}
	for u.next < i {
		u.pass()
	}
	return u
}

func (u *unpacker) uvarint() uint64 {
	v, k := binary.Uvarint(u.run.data[u.off:])
	u.off += k
	return v
}

func (u *unpacker) bytes(n int) []byte {
	u.off += n
	return u.run.data[u.off-n : u.off]
}

func (u *unpacker) text() []byte { return u.bytes(int(u.uvarint())) }

// packed is what lies behind a node's name, where it lies.
type packed struct {
	flags                             byte
	size, parts                       uint64
	etag, class, version, contentType []byte
	restored                          bool
}

// pass goes over the next node, which there is: its name is u's then.
func (u *unpacker) pass() (p packed) {
	if u.next%restart == 0 {
		u.secs = 0
	}
	u.next++
	p.flags = u.bytes(1)[0]
	u.name = u.name[:u.uvarint()]
	u.name = append(u.name, u.bytes(int(u.uvarint()))...)
	if p.flags&isDir != 0 {
		return p
	}
	p.size = u.uvarint()
	switch {
	case p.flags&digestTag != 0:
		p.etag = u.bytes(16)
	case p.flags&partsTag != 0:
		p.etag, p.parts = u.bytes(16), u.uvarint()
	default:
		p.etag = u.text()
	}
	if p.flags&timeless == 0 {
		d, k := binary.Varint(u.run.data[u.off:])
		u.off += k
		u.secs += d
	}
	if p.flags&(standard|otherClass) == otherClass {
		p.class = u.text()
	}
	if p.flags&moreDetails != 0 {
		p.version, p.contentType = u.text(), u.text()
		p.restored = u.bytes(1)[0] == 1
	}
	return p
}

// node returns the next node, which there is.
func (u *unpacker) node() Node {
	p := u.pass()
	if p.flags&isDir != 0 {
		return Node{Name: string(u.name), Dir: true}
	}
	name, object := u.called()
	o := s3backend.Object{
		Key: object, Size: int64(p.size), StorageClass: string(p.class),
		VersionID: string(p.version), ContentType: string(p.contentType), Restored: p.restored,
	}
	if p.flags&(digestTag|partsTag) != 0 {
		o.ETag = s3backend.Digest{Sum: [16]byte(p.etag), Parts: uint32(p.parts)}.ETag()
	} else {
		o.ETag = string(p.etag)
	}
	if p.flags&timeless == 0 {
		o.ModTime = time.Unix(u.secs, 0).UTC()
	}
	if p.flags&standard != 0 {
		o.StorageClass = "STANDARD"
	}
	return Node{Name: name, Object: o, ModTime: o.ModTime}
}

// called returns the name, and the key of the object that is called so.
func (u *unpacker) called() (name, object string) {
	// One string holds both.
	var key strings.Builder
	key.Grow(len(u.below) + len(u.name))
	key.WriteString(u.below)
	key.Write(u.name)
	object = key.String()
	name = object[len(u.below):]
	if bool(u.names) && special(name) {
		component, _, _ := u.names.parse(name)
		object = u.below + component
	}
	return name, object
}
