package catalog

import (
	"bytes"
	"encoding/binary"
	"strings"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
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

// packer makes a run.
type packer struct {
	run
	name string
	secs int64
}

func (p *packer) add(n Node) {
	shared := 0
	if p.n%restart == 0 {
		p.whole = append(p.whole, uint32(len(p.data)))
		p.secs = 0
	} else {
		for shared < min(len(p.name), len(n.Name)) && p.name[shared] == n.Name[shared] {
			shared++
		}
	}
	p.name = n.Name
	p.n++
	flags := len(p.data)
	p.data = append(p.data, 0)
	p.data = binary.AppendUvarint(p.data, uint64(shared))
	p.text(n.Name[shared:])
	if n.Dir {
		p.data[flags] = isDir
		return
	}
	o := &n.Object
	p.data = binary.AppendUvarint(p.data, uint64(o.Size))
	p.data[flags] |= p.tag(o.ETag) | p.time(o.ModTime) | p.class(o.StorageClass)
	if o.VersionID != "" || o.ContentType != "" || o.Restored {
		p.data[flags] |= moreDetails
		p.text(o.VersionID)
		p.text(o.ContentType)
		restored := byte(0)
		if o.Restored {
			restored = 1
		}
		p.data = append(p.data, restored)
	}
}

func (p *packer) text(s string) {
	p.data = binary.AppendUvarint(p.data, uint64(len(s)))
	p.data = append(p.data, s...)
}

func (p *packer) tag(tag string) byte {
	d, ok := s3backend.ParseDigest(tag)
	if !ok {
		p.text(tag)
		return 0
	}
	p.data = append(p.data, d.Sum[:]...)
	if d.Parts == 0 {
		return digestTag
	}
	p.data = binary.AppendUvarint(p.data, uint64(d.Parts))
	return partsTag
}

// time is in whole seconds, as s3backend.Object has it.
func (p *packer) time(t time.Time) byte {
	if t.IsZero() {
		return timeless
	}
	p.data = binary.AppendVarint(p.data, t.Unix()-p.secs)
	p.secs = t.Unix()
	return 0
}

func (p *packer) class(class string) byte {
	switch class {
	case "":
		return 0
	case "STANDARD":
		return standard
	}
	p.text(class)
	return otherClass
}

// packed returns the run in no more memory than it needs.
func (p *packer) packed() run {
	return run{data: bytes.Clone(p.data), whole: append([]uint32(nil), p.whole...), n: p.n}
}

// bytes is about what the run takes of memory.
func (r *run) bytes() int64 { return int64(len(r.data) + 4*len(r.whole) + 80) }

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
