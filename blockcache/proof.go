package blockcache

import (
	"crypto/md5"
	"errors"
	"slices"
	"time"

	"github.com/zs3fs/zs3fs/blockcache/crc64"
	"github.com/zs3fs/zs3fs/s3backend"
)

// ErrDisproved says that a version was fetched twice, and both times was not what
// the server's own checksum of the object says it is.
var ErrDisproved = errors.New("blockcache: the bytes are not those of the object's checksum")

// Proof says how the bytes of a complete version were compared with what the
// server says of the whole object.
type Proof byte

const (
	// Unproved: they were not, or the server could not be asked.
	Unproved Proof = iota
	// ProvedCRC: their CRC64NVME is the object's.
	ProvedCRC
	// ProvedMD5: their MD5 is the ETag.
	ProvedMD5
	// Unprovable: the server keeps nothing to compare with.
	Unprovable
)

// String returns what user.zs3fs.proved says.
func (p Proof) String() string {
	switch p {
	case ProvedCRC:
		return "proved (CRC64NVME)"
	case ProvedMD5:
		return "proved (MD5)"
	case Unprovable:
		return "unprovable: the object has no checksum of the whole"
	}
	return "unproved"
}

// Proved reports whether the bytes are known to be the object's.
func (p Proof) Proved() bool { return p == ProvedCRC || p == ProvedMD5 }

// disproof is what is remembered of a version that was not what it should be.
type disproof struct {
	sum   uint64 // of the bytes
	final bool   // it happened again: not asked for any more
}

// judgement is the outcome of a comparison.
type judgement struct {
	proof Proof
	wrong bool
	// etag says that it was compared with the ETag, which some servers make
	// otherwise: the same bytes twice are then taken for the object's.
	etag bool
}

// combined returns the CRC64NVME of the whole from those of its blocks.
func combined(h header, entries []uint64) uint64 {
	last, sum := len(entries)-1, entries[0]
	if last == 0 {
		return sum // most objects, and a shift costs as much as a checksum of 64 KiB
	}
	shift := crc64.NewShift(h.blockSize)
	for i, e := range entries[1:] {
		if i+1 == last {
			return crc64.Combine(sum, e, h.blockLen(int64(last)))
		}
		sum = shift.Combine(sum, e)
	}
	return sum
}

// judge compares the whole with what the server says of it.
func (d *disk) judge(o *object, f files, sum uint64) judgement {
	want, ok := d.checksumOf(o)
	switch {
	case !ok:
		return judgement{proof: Unproved}
	case want.HasCRC && want.CRC64NVME == sum:
		return judgement{proof: ProvedCRC}
	case want.HasCRC:
		return judgement{wrong: true}
	case want.HasMD5:
		got, err := d.md5(o, f)
		switch {
		case err != nil:
			return judgement{proof: Unproved}
		case got == want.MD5:
			return judgement{proof: ProvedMD5}
		}
		return judgement{wrong: true, etag: true}
	}
	return judgement{proof: Unprovable}
}

// checksumOf returns what came with the object's only GET, else what the server
// answers now.
func (d *disk) checksumOf(o *object) (s3backend.Checksum, bool) {
	d.c.mem.mu.Lock()
	known, obj := o.checksum, o.obj
	d.c.mem.mu.Unlock()
	if known != nil {
		return *known, true
	}
	if d.c.cfg.Prover == nil || obj == nil {
		return s3backend.Checksum{}, false
	}
	want, err := d.c.cfg.Prover.Checksum(d.ctx, *obj)
	if err != nil {
		d.c.mem.mu.Lock()
		if e := d.index[o.id]; e != nil {
			e.asked = time.Now()
		}
		d.c.mem.mu.Unlock()
		d.log.Debug("the checksum of an object is not known", "key", obj.Key, "err", err)
		return s3backend.Checksum{}, false
	}
	d.c.mem.mu.Lock()
	o.checksum = &want
	d.c.mem.mu.Unlock()
	return want, true
}

// md5 reads the whole version from the disk.
func (d *disk) md5(o *object, f files) (sum [md5.Size]byte, err error) {
	h := md5.New()
	buf := make([]byte, min(d.c.blockSize, o.size))
	for off := int64(0); off < o.size; off += int64(len(buf)) {
		buf = buf[:min(int64(len(buf)), o.size-off)]
		if err := d.sys.readFull(f.data, buf, off); err != nil {
			return sum, err
		}
		h.Write(buf)
		if d.ctx.Err() != nil {
			return sum, d.ctx.Err()
		}
	}
	return [md5.Size]byte(h.Sum(nil)), nil
}

// disproved drops a version that is not what the object's checksum says. The
// first time it will be fetched again; the second time its readers get
// ErrDisproved, until the object is replaced or the mount is made anew.
func (d *disk) disproved(o *object, f files, sum uint64, j judgement) {
	mu := &d.c.mem.mu
	d.c.counts.disproved.Add(1)
	mu.Lock()
	before, again := d.c.disproofs[o.id]
	same := again && before.sum == sum
	d.c.disproofs[o.id] = disproof{sum: sum, final: again}
	o.final = again
	o.checksum = nil // it is asked for again with the bytes
	o.dropKeptLocked()
	for _, b := range o.blocks {
		if b.flight == nil && !b.loading {
			b.leaveLocked()
		}
	}
	key := o.id.String()
	if o.obj != nil {
		key = o.obj.Key
	}
	mu.Unlock()
	d.log.Error("cached version does not have the object's checksum", "key", key, "etag", j.etag,
		"same bytes as before", same, "fetched again", !again)
	d.condemn(o, f)
	o.tell(Disproved)
}

// entriesLocked returns all entries of a map whose pages are loaded.
func (o *object) entriesLocked() []uint64 {
	h := o.header()
	all := make([]uint64, 0, h.pages()*pageEntries)
	for n := range h.pages() {
		all = append(all, o.store.pages[n].entries[:]...)
	}
	return slices.Clip(all[:h.count()])
}
