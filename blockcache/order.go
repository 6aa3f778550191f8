package blockcache

import (
	"time"

	"github.com/zs3fs/zs3fs/blockcache/s3fifo"
)

// cached is one version on disk, for the accounting.
type cached struct {
	id    identity
	size  int64     // of the object
	bytes int64     // its present blocks
	parts int64     // segments that it is evicted in; 0 when it is one unit
	asked time.Time // in vain, for its checksum
}

// unit is what the eviction order deals with: a version, or a segment of a large
// one. A large version as one unit would leave no choice but all or nothing.
type unit struct {
	id      identity
	segment int32 // or whole
}

const (
	whole = -1
	// segmentBlocks is a segment's length: 64 MiB in blocks of 1 MiB. It divides
	// pageEntries, so that a segment's entries are on one page of the map.
	segmentBlocks = 64
	// segmented is the part of the budget that a version must exceed to be
	// evicted in segments: a tenth, which is the order's small queue.
	segmented = 10
)

// order is the eviction order of what is on disk: S3-FIFO over units. It decides
// and does nothing.
type order struct {
	*s3fifo.Policy[unit]
	blockSize, budget int64
}

func newOrder(budget, blockSize int64) *order {
	return &order{s3fifo.New[unit](budget), blockSize, budget}
}

// setBudget changes the budget. Versions that are there stay the units that they
// are.
func (q *order) setBudget(n int64) {
	q.budget = n
	q.SetCapacity(n)
}

// version returns the entry of a version of which nothing is counted yet.
func (q *order) version(id identity, size int64) *cached {
	e := &cached{id: id, size: size}
	if n := q.segments(size); n > 1 && size > q.budget/segmented {
		e.parts = n
	}
	return e
}

// segments returns how many segments an object has.
func (q *order) segments(size int64) int64 {
	return (size-1)/(q.blockSize*segmentBlocks) + 1
}

// unit returns what a block belongs to.
func (e *cached) unit(block int64) unit {
	if e.parts == 0 {
		return unit{e.id, whole}
	}
	return unit{e.id, int32(block / segmentBlocks)}
}

// blocks returns the blocks of a unit, of a version that has count, as [from, to).
func (u unit) blocks(count int64) (from, to int64) {
	if u.segment == whole {
		return 0, count
	}
	from = int64(u.segment) * segmentBlocks
	return from, min(from+segmentBlocks, count)
}

// units calls fn for each unit of a version that may be there.
func (e *cached) units(fn func(unit)) {
	if e.parts == 0 {
		fn(unit{e.id, whole})
	}
	for i := range e.parts {
		fn(unit{e.id, int32(i)})
	}
}

// forget takes a version out of the order.
func (q *order) forget(e *cached) {
	e.units(func(u unit) { q.Lose(u, q.Cost(u)) })
}

// opened references a version that somebody opens; a large one's segments are
// referenced as they are passed.
func (q *order) opened(e *cached) {
	if e != nil && e.parts == 0 {
		q.Reference(unit{e.id, whole})
	}
}

// passed references the segment that a reader of a large version comes to.
func (q *order) passed(e *cached, segment int64) {
	if e != nil && e.parts > 0 {
		q.Reference(unit{e.id, int32(segment)})
	}
}

// spares reports whether a unit is not to make room for more of itself: it would
// never become whole. Once it fills the small queue it does: a large object must
// not push out the main queue of a small cache.
func (q *order) spares(u, growing unit) bool {
	return u == growing && q.Cost(u) < q.budget/segmented
}

// passedWhole references all segments of a large version that the kernel is given
// to read: nobody will see which it comes to.
func (q *order) passedWhole(e *cached) {
	for i := range e.parts {
		q.passed(e, i)
	}
}

// take decides how many bytes of a victim go when need bytes must. all says that it
// is the whole version, by removing its files: only when nobody has it open and it
// takes no large part of the budget. Segments go as a whole, too, up to a third of
// the small queue: of half-gone ones each pass over a large object would save and
// fetch again the other half (measured: a hit ratio of 0.11 where whole ones
// give 0.44).
func (q *order) take(e *cached, u unit, need int64, open bool) (n int64, all bool) {
	cost := q.Cost(u)
	switch {
	case !open && cost == e.bytes && (cost <= need || cost <= q.budget/segmented):
		return cost, true
	case open && u.segment == whole:
		return need, false
	}
	return max(need, min(cost, q.budget/(3*segmented))), false
}
