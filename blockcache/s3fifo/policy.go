package s3fifo

const (
	// smallShare is the small queue's part of the capacity, as the paper has it:
	// one tenth.
	smallShare = 10
	// maxReferences is as many references as an entry is given credit for: each
	// is one more round through the main queue.
	maxReferences = 3
)

// Policy is the order in which keys leave a cache of a limited number of bytes.
// It decides and does nothing: the caller says what came, what was used and what
// went. Costs are in bytes and may grow and shrink while a key is there.
//
// The zero value has no capacity; see New. It is not safe for concurrent use.
type Policy[K comparable] struct {
	capacity int64
	entries  map[K]*entry[K]
	queues   [queues]queue[K]
	cursor   *entry[K] // where Walk goes on
	changes  uint64
}

// New returns an empty policy for a cache of so many bytes.
func New[K comparable](capacity int64) *Policy[K] {
	p := &Policy[K]{capacity: capacity, entries: map[K]*entry[K]{}}
	for q := range p.queues {
		p.queues[q].init(Queue(q))
	}
	return p
}

// SetCapacity changes the cache's size. What is too much is the caller's to
// evict.
func (p *Policy[K]) SetCapacity(n int64) {
	p.capacity = n
	p.trimGhost()
}

// Len returns how many keys are there, parked ones included.
func (p *Policy[K]) Len() int { return len(p.entries) - p.queues[Ghost].len }

// Changes returns a number that differs when the order may have changed since.
func (p *Policy[K]) Changes() uint64 { return p.changes }

// Cost returns the bytes of a key; 0 when it is not there.
func (p *Policy[K]) Cost(k K) int64 {
	if e := p.resident(k); e != nil {
		return e.cost
	}
	return 0
}

// Bytes returns the sum of a queue's costs.
func (p *Policy[K]) Bytes(q Queue) int64 { return p.queues[q].bytes }

// Add adds n bytes to a key. A new one goes into the small queue, or into the
// main one when it is remembered to have gone not long ago.
func (p *Policy[K]) Add(k K, n int64) {
	e := p.entries[k]
	switch {
	case e == nil:
		e = &entry[K]{key: k}
		p.entries[k] = e
		p.queues[Small].push(e)
	case e.queue == Ghost:
		p.unlink(e)
		e.cost, e.gone, e.references = 0, 0, 0
		p.queues[Main].push(e)
	}
	p.grow(e, n)
}

// Reference says that a key is used again. The use that brings it in is none.
func (p *Policy[K]) Reference(k K) {
	if e := p.resident(k); e != nil {
		e.references = min(e.references+1, maxReferences)
		p.changes++
	}
}

// Evict says that n bytes of a key were evicted. With its last byte it leaves,
// and is remembered if it was never used again.
func (p *Policy[K]) Evict(k K, n int64) {
	e := p.resident(k)
	if e == nil {
		return
	}
	n = min(n, e.cost)
	p.grow(e, -n)
	e.gone += n
	if e.cost > 0 {
		return
	}
	if e.queue != Small {
		p.drop(e)
		return
	}
	p.unlink(e)
	p.remember(e, e.gone)
}

// Lose says that n bytes of a key are gone for another reason than eviction.
func (p *Policy[K]) Lose(k K, n int64) {
	if e := p.resident(k); e != nil {
		p.grow(e, -min(n, e.cost))
		if e.cost == 0 {
			p.drop(e)
		}
	}
}

// Victim returns the key whose turn it is to go, and false when there is none.
// It is the same one until Evict has taken its last byte or it was used. Keys
// that held reports cannot go now; they wait for another round of their queue.
func (p *Policy[K]) Victim(held func(K) bool) (k K, ok bool) {
	for {
		first, second := Main, Small
		if p.queues[Small].bytes*smallShare >= p.capacity-p.queues[Parked].bytes {
			first, second = Small, Main
		}
		e := p.front(first, held)
		if e == nil {
			e = p.front(second, held)
		}
		switch {
		case e == nil:
			return k, false
		case e.references == 0:
			return e.key, true
		case e.queue == Small:
			e.references = 0
		default:
			e.references--
		}
		p.move(e, Main)
	}
}

// front returns the oldest entry of a queue that is not held.
func (p *Policy[K]) front(n Queue, held func(K) bool) *entry[K] {
	q := &p.queues[n]
	for range q.len {
		e := q.front()
		if held == nil || !held(e.key) {
			return e
		}
		p.move(e, n)
	}
	return nil
}

// Park takes a key out of the order until Unpark: it is never a victim.
func (p *Policy[K]) Park(k K) {
	if e := p.resident(k); e != nil {
		p.move(e, Parked)
	}
}

// Unpark puts a parked key back into the order.
func (p *Policy[K]) Unpark(k K) {
	if e := p.resident(k); e != nil && e.queue == Parked {
		p.move(e, Main)
	}
}

func (p *Policy[K]) resident(k K) *entry[K] {
	if e := p.entries[k]; e != nil && e.queue != Ghost {
		return e
	}
	return nil
}

func (p *Policy[K]) grow(e *entry[K], n int64) {
	e.cost += n
	p.queues[e.queue].bytes += n
	p.changes++
}

// move makes an entry the newest of a queue.
func (p *Policy[K]) move(e *entry[K], to Queue) {
	p.unlink(e)
	p.queues[to].push(e)
}

func (p *Policy[K]) unlink(e *entry[K]) {
	if p.cursor == e {
		p.cursor = e.next
	}
	p.queues[e.queue].remove(e)
	p.changes++
}

func (p *Policy[K]) drop(e *entry[K]) {
	p.unlink(e)
	delete(p.entries, e.key)
}

// remember makes an entry that is in no queue a ghost of cost n.
func (p *Policy[K]) remember(e *entry[K], n int64) {
	e.cost, e.gone, e.references, e.queue = n, 0, 0, Ghost
	p.queues[Ghost].push(e)
	p.trimGhost()
}

// trimGhost forgets the oldest ghosts beyond one capacity.
func (p *Policy[K]) trimGhost() {
	for g := &p.queues[Ghost]; g.len > 0 && g.bytes > p.capacity; {
		p.drop(g.front())
	}
}
