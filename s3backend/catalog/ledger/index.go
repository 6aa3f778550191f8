package ledger

import (
	"cmp"
	"slices"
)

// place is where the latest record of a key lies. 32 bytes with its hash: 8 to 16 MB
// for the most there can be.
type place struct {
	asked int64 // Unix ns
	off   uint32
	span  uint32 // both in units of align
	sum   uint32 // low half of the payload's checksum
}

func (p place) offset() int64 { return int64(p.off) * align }
func (p place) size() int64   { return int64(p.span) * align }

// index knows the latest record of each key.
type index struct {
	places map[uint64]place
	live   int64 // bytes of the log that they take
}

func newIndex() index { return index{places: make(map[uint64]place)} }

func (x *index) set(hash uint64, p place) {
	x.live += p.size() - x.places[hash].size()
	x.places[hash] = p
}

func (x *index) drop(hash uint64) {
	x.live -= x.places[hash].size()
	delete(x.places, hash)
}

// apply takes a record that lies at off.
func (x *index) apply(r record, off int64) {
	switch r.what {
	case recordPut:
		x.set(r.hash, place{asked: r.asked, off: uint32(off / align), span: uint32(r.span() / align), sum: uint32(r.sum)})
	case recordDrop:
		x.drop(r.hash)
	case recordRenewal:
		if p, ok := x.places[r.hash]; ok && p.offset() == r.length {
			p.asked = r.asked
			x.set(r.hash, p)
		} else {
			x.drop(r.hash) // what it renews was lost: what is older must not come back
		}
	}
}

// placed is a place with its key's hash.
type placed struct {
	hash uint64
	place
}

// latest returns what was asked last, of at most so many bytes and records, in the
// order of the log.
func (x *index) latest(bytes int64, records int) []placed {
	all := make([]placed, 0, len(x.places))
	for h, p := range x.places {
		all = append(all, placed{h, p})
	}
	if x.live > bytes || len(all) > records {
		slices.SortFunc(all, func(a, b placed) int { return cmp.Compare(b.asked, a.asked) })
		n := 0
		for sum := int64(0); n < min(len(all), records); n++ {
			if sum += all[n].size(); sum > bytes {
				break
			}
		}
		all = all[:n]
	}
	slices.SortFunc(all, func(a, b placed) int { return cmp.Compare(a.off, b.off) })
	return all
}
