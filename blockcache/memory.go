package blockcache

import (
	"container/list"
	"context"
	"sync"
)

// Memory is the one budget, in bytes, for all block buffers: in flight, waiting
// for the disk, or kept until they are read. Buffers are pooled. A buffer is
// taken when the first byte of its block is about to arrive, not when the
// request starts, so that a flight holds one partial block at a time.
//
// When there is no room, kept blocks are given up in this order: read and on
// disk, read, unread but on disk. Only a demand may take an unread block that is
// not on disk; a guess waits instead. A reserve is kept for demands, so that
// they never wait behind guesses.
//
// Why this cannot dead-lock: a flight that waits for a buffer holds no
// unfinished one, because it fills its blocks one after another; so every
// buffer that cannot be taken from its holder is either being filled by a
// source that has its buffer already, being looked at by a reader that waits for
// nothing, or being written by one of the few writers, who together have less
// than a quarter of the budget. Whatever else there is, waiting for the disk
// included, a demand may take.
type Memory struct {
	limit, blockSize, reserve int64

	// mu is the package's one lock for what is in memory: it guards the fields
	// below and all objects, blocks and flights of the caches that share the
	// budget. It is never held across I/O.
	mu               sync.Mutex
	inUse            int64    // bytes handed out or kept; the free list is not in it
	free             [][]byte // each of blockSize
	kept             [classes]shelf
	demands, guesses list.List // of *request: first come, first served
	queues           []*writeQueue
	open             int // versions open: without any, few free buffers are held
}

// A class says how little a kept block will be missed; lower goes first.
type class int

const (
	readOnDisk class = iota
	readOnly
	unreadOnDisk
	// touched blocks were read in part and are not on disk. A guess may take
	// the oldest, as long as a quarter of the budget is left to those that
	// readers are in the middle of.
	touched
	unread
	classes
)

// shelf is the kept blocks of one class, the longest unused first.
type shelf struct {
	blocks list.List // of *block
	bytes  int64
}

// minBuffers is the least that all three parties (demand, guess, disk) can make
// progress with.
const minBuffers = 8

// NewMemory returns a budget of limit bytes in buffers of blockSize; at least 8
// of them.
func NewMemory(limit, blockSize int64) *Memory {
	limit = max(limit, minBuffers*blockSize)
	return &Memory{limit: limit, blockSize: blockSize, reserve: max(limit/8, 2*blockSize)}
}

// Limit returns the budget in bytes.
func (m *Memory) Limit() int64 { return m.limit }

// InUse returns the bytes in buffers now, kept ones included.
func (m *Memory) InUse() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.inUse
}

// Room returns the bytes that a guess could have now without waiting.
func (m *Memory) Room() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.demands.Len() > 0 || m.guesses.Len() > 0 {
		return 0
	}
	return max(0, m.limit-m.reserve-m.inUse+m.evictableLocked(false))
}

// request is one wait for a buffer.
type request struct {
	n       int64
	demand  bool
	queue   *list.List    // the one it waits in; nil once granted
	elem    *list.Element // its place there
	granted chan struct{}
}

// acquire takes n bytes for flight f, or for a reader when f is nil, waiting
// until there is room.
func (m *Memory) acquire(ctx context.Context, n int64, f *Flight) ([]byte, error) {
	m.mu.Lock()
	r := &request{n: n, demand: f == nil || f.demandedLocked()}
	if m.aheadLocked(r) == 0 && m.makeRoomLocked(n, r.demand) {
		return m.bufferAndUnlock(n), nil
	}
	r.granted = make(chan struct{})
	m.enqueueLocked(r)
	if f != nil {
		f.request = r
	}
	m.mu.Unlock()

	var err error
	select {
	case <-r.granted:
	case <-ctx.Done():
		err = ctx.Err()
	}
	m.mu.Lock()
	if f != nil {
		f.request = nil
	}
	if err == nil {
		return m.bufferAndUnlock(n), nil
	}
	if r.queue != nil {
		r.queue.Remove(r.elem)
	} else {
		m.inUse -= n // granted in the moment the context ended
	}
	m.grantLocked()
	m.mu.Unlock()
	return nil, err
}

// bufferAndUnlock returns a buffer for n bytes already counted. It allocates
// after unlocking: a fresh mebibyte may cost page faults.
func (m *Memory) bufferAndUnlock(n int64) []byte {
	last := len(m.free) - 1
	if n == m.blockSize && last >= 0 {
		buf := m.free[last]
		m.free[last] = nil
		m.free = m.free[:last]
		m.mu.Unlock()
		return buf
	}
	m.trimLocked()
	m.mu.Unlock()
	return make([]byte, n)
}

// trimLocked leaves surplus free buffers to the garbage collector, so that those
// and the ones in use never exceed the limit.
func (m *Memory) trimLocked() {
	idle := m.open == 0 && len(m.free) > minBuffers // some stay for the next small file
	for len(m.free) > 0 && (idle || m.inUse+int64(len(m.free))*m.blockSize > m.limit) {
		m.free[len(m.free)-1] = nil
		m.free = m.free[:len(m.free)-1]
		idle = idle && len(m.free) > minBuffers
	}
}

// recycleLocked takes a buffer back.
func (m *Memory) recycleLocked(buf []byte) {
	m.inUse -= int64(len(buf))
	if int64(len(buf)) == m.blockSize {
		m.free = append(m.free, buf)
		m.trimLocked()
	}
}

// aheadLocked returns how many requests must be served before r.
func (m *Memory) aheadLocked(r *request) int {
	if r.demand {
		return m.demands.Len()
	}
	return m.demands.Len() + m.guesses.Len()
}

func (m *Memory) enqueueLocked(r *request) {
	r.queue = &m.guesses
	if r.demand {
		r.queue = &m.demands
	}
	r.elem = r.queue.PushBack(r)
}

// promoteLocked makes a waiting guess a demand.
func (m *Memory) promoteLocked(r *request) {
	if r.demand {
		return
	}
	r.demand = true
	if r.queue == nil {
		return
	}
	r.queue.Remove(r.elem)
	m.enqueueLocked(r)
	m.grantLocked()
}

// grantLocked serves waiting requests in their order, as far as there is room;
// no guess while a demand waits. Whatever makes room must not come here again:
// it would serve the same request twice. See dropPinLocked.
func (m *Memory) grantLocked() {
	for _, queue := range []*list.List{&m.demands, &m.guesses} {
		for e := queue.Front(); e != nil; e = queue.Front() {
			r := e.Value.(*request)
			if !m.makeRoomLocked(r.n, r.demand) {
				return
			}
			queue.Remove(e)
			r.queue = nil
			close(r.granted)
		}
	}
}

// makeRoomLocked counts n bytes as used, giving up kept blocks where needed and
// allowed. Where that would not suffice it gives up none.
func (m *Memory) makeRoomLocked(n int64, demand bool) bool {
	ceiling := m.limit
	if !demand {
		ceiling -= m.reserve
	}
	if m.inUse+n > ceiling+m.evictableLocked(demand) {
		return false
	}
	for m.inUse+n > ceiling {
		if !m.evictLocked(demand) {
			return false
		}
	}
	m.inUse += n
	return true
}

// evictableLocked returns the bytes that evictLocked could give up.
func (m *Memory) evictableLocked(demand bool) int64 {
	n := m.kept[readOnDisk].bytes + m.kept[readOnly].bytes + m.kept[unreadOnDisk].bytes
	if !demand {
		return n + max(0, m.kept[touched].bytes-m.limit/4)
	}
	n += m.kept[touched].bytes + m.kept[unread].bytes
	for _, q := range m.queues {
		n += q.waitingLocked()
	}
	return n
}

// evictLocked gives up one kept block, or else the disk's claim on one.
func (m *Memory) evictLocked(demand bool) bool {
	for c := range classes {
		e := m.kept[c].blocks.Front()
		switch {
		case e == nil:
		case demand, c <= unreadOnDisk, c == touched && m.kept[c].bytes > m.limit/4:
			b := e.Value.(*block)
			b.unshelveLocked()
			b.leaveLocked()
			m.recycleLocked(b.data)
			b.data = nil
			return true
		}
	}
	if demand {
		for _, q := range m.queues {
			if q.stealLocked() {
				return true
			}
		}
	}
	return false
}
