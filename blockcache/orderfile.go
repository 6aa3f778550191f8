package blockcache

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
	"slices"

	"github.com/minio/crc64nvme"
	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/blockcache/s3fifo"
)

// The eviction order is saved in the mount's directory, so that recency survives a
// restart; little endian:
//
//	0    8  magic
//	8    4  format version
//	12   4  number of records
//	16      records of 45 bytes: identity, segment, queue and references, cost
//	end  8  CRC64NVME of all before
//
// It is a hint. A file that is damaged, of another format, or gone costs wrong
// evictions; what is present is counted from the maps, never from here.
const (
	orderName, orderTemp = "order", "order.new"
	orderHeader          = 16
	orderRecord          = 45
	orderVersion         = 1
	// orderLimit bounds the file to 45 MiB. More units than that are 64 TiB in
	// segments; of as many small files the oldest ghosts are left out first.
	orderLimit = 1 << 20
	// orderStep is how many units are looked at without letting readers in.
	orderStep = 1024
)

var orderMagic = []byte("zs3fsord")

type orderUnit = s3fifo.Record[unit]

func appendOrderRecord(raw []byte, r orderUnit) []byte {
	raw = append(raw, r.Key.id[:]...)
	raw = binary.LittleEndian.AppendUint32(raw, uint32(r.Key.segment))
	raw = append(raw, byte(r.Queue)<<4|r.References)
	return binary.LittleEndian.AppendUint64(raw, uint64(r.Cost))
}

func decodeOrderRecord(raw []byte) orderUnit {
	return orderUnit{
		Key:        unit{identity(raw[:32]), int32(binary.LittleEndian.Uint32(raw[32:]))},
		Queue:      s3fifo.Queue(raw[36] >> 4),
		References: raw[36] & 0xf,
		Cost:       int64(binary.LittleEndian.Uint64(raw[37:])),
	}
}

// encodeOrder frames records that appendOrderRecord made behind orderHeader bytes.
func encodeOrder(raw []byte) []byte {
	copy(raw, orderMagic)
	binary.LittleEndian.PutUint32(raw[8:], orderVersion)
	binary.LittleEndian.PutUint32(raw[12:], uint32((len(raw)-orderHeader)/orderRecord))
	return binary.LittleEndian.AppendUint64(raw, crc64nvme.Checksum(raw))
}

// decodeOrder returns the records' bytes; none unless all of the file is right.
func decodeOrder(raw []byte) []byte {
	if len(raw) < orderHeader+8 || !bytes.HasPrefix(raw, orderMagic) {
		return nil
	}
	body, sum := raw[:len(raw)-8], binary.LittleEndian.Uint64(raw[len(raw)-8:])
	records := body[orderHeader:]
	if binary.LittleEndian.Uint32(raw[8:]) != orderVersion || sum != crc64nvme.Checksum(body) ||
		int64(len(records)) != int64(binary.LittleEndian.Uint32(raw[12:]))*orderRecord {
		return nil
	}
	return records
}

// saveOrder writes the order down, unless nothing has changed since. Not before
// the sweep has put it together. What is lost when it fails is not worth a word.
func (d *disk) saveOrder() {
	select {
	case <-d.swept:
	default:
		return
	}
	mu := &d.c.mem.mu
	mu.Lock()
	changes := d.order.Changes()
	same := changes == d.saved
	mu.Unlock()
	if same {
		return
	}
	raw := make([]byte, orderHeader)
	var batch []orderUnit
	for n, more := 0, true; more && n < orderLimit; n += len(batch) {
		mu.Lock()
		batch, more = d.order.Walk(batch[:0], orderStep, n == 0)
		mu.Unlock()
		for _, r := range batch {
			raw = appendOrderRecord(raw, r)
		}
	}
	if d.home.replaceFile(orderName, orderTemp, encodeOrder(raw)) == nil {
		mu.Lock()
		d.saved = changes
		mu.Unlock()
	}
}

// loadOrder reads the saved order's records; none when there is no sound one.
func (d *disk) loadOrder() []byte {
	fd, st, _, err := openFile(d.home.fd, orderName)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	if st.Size > orderHeader+orderLimit*orderRecord+orderStep*orderRecord+8 {
		return nil
	}
	raw := make([]byte, st.Size)
	if d.sys.readFull(fd, raw, 0) != nil {
		return nil
	}
	return decodeOrder(raw)
}

// recall is the order as it was saved, while the sweep finds what is there.
type recall struct {
	records []byte
	known   map[uint64]struct{} // by hash: taking one for known costs its place only
	found   []found             // not in it
}

type found struct {
	unit  unit
	mtime int64 // ns
}

func newRecall(records []byte) *recall {
	r := &recall{records: records, known: make(map[uint64]struct{}, len(records)/orderRecord)}
	r.each(func(u orderUnit) { r.known[u.Key.hash()] = struct{}{} })
	return r
}

func (r *recall) each(fn func(orderUnit)) {
	for raw := range slices.Chunk(r.records, orderRecord) {
		fn(decodeOrderRecord(raw))
	}
}

func (u unit) hash() uint64 {
	return binary.LittleEndian.Uint64(u.id[:]) + uint64(uint32(u.segment))
}

// meet takes note of a version that the sweep has counted.
func (r *recall) meet(e *cached, mtime int64) {
	e.units(func(u unit) {
		if _, known := r.known[u.hash()]; !known {
			r.found = append(r.found, found{u, mtime})
		}
	})
}

// restoreOrder puts what is there into the saved order, and behind it, as the
// newest, what it does not tell of: that was written after it was saved. Of such,
// and where no order was saved, the time of the last write decides.
func (d *disk) restoreOrder(r *recall) {
	mu := &d.c.mem.mu
	mu.Lock()
	defer mu.Unlock()
	n := 0
	restore := func(u orderUnit) {
		if n%orderStep == 0 {
			mu.Unlock() // readers come first
			mu.Lock()
		}
		n++
		d.order.Restore(u)
	}
	r.each(restore)
	slices.SortStableFunc(r.found, func(a, b found) int { return cmp.Compare(a.mtime, b.mtime) })
	for _, f := range r.found {
		restore(orderUnit{Key: f.unit})
	}
}

// lately is the time of writing of what is open now.
const lately = math.MaxInt64
