package prefetch

import (
	"slices"
	"time"
)

// stream is a run of bytes that was read in order, up or down, and how far ahead
// of it blocks have been asked for.
type stream struct {
	id          uint64
	start, next int64 // bytes [start, next) were read, but for the older ones
	hits        int   // reads that went on where the stream ended
	backs       int   // reads that ended where the stream began
	returns     int   // hits by a handle that had read elsewhere meanwhile
	downwards   bool
	active      bool
	stalled     bool  // the reader has waited since the last hit
	wary        bool  // a guess has failed: what the reader waits for may be that
	edge        int64 // forwards: first block not asked for; downwards: last one asked for
	window      int64 // blocks
	size        int64 // of the next request, in blocks
	read        int64 // bytes
	used        time.Time
	users       []user // who reads here
	visit       int64  // that began it; 0 for none
	bound       int64  // block that is not fetched ahead; 0 for none
	chunk       int    // that is read, its number in columns plus 1; 0 for none
	passed      int    // how many ends of chunks were read over, one after another, unexpectedly
	reach       int64  // byte up to which its reader is expected to come; 0 for unknown
	parked      user   // who was the last to leave for elsewhere
	away        int64  // the most bytes that a reader has read elsewhere before he came back
}

// user is a handle that reads a stream.
type user struct {
	*handle
	seen, born int64 // the handle's total when it last read here, and at first
	from, at   int64 // where its first read here began, and its last one ended
	overlaps   int64 // the handle's when it last read here
}

// touch notes that h reads [off, end) here.
func (s *stream) touch(h *handle, off, end int64) {
	if u := s.user(h); u != nil {
		u.seen, u.at, u.overlaps = h.total, end, h.overlaps
	} else {
		s.users = append(s.users, user{h, h.total, h.total, off, end, h.overlaps})
	}
}

// noteReturn is told, before touch, of a read by h of [off, end). Who goes on here after
// he has read elsewhere takes turns, if each of his reads since then began after the last
// had ended: those of several threads, and the kernel's pieces, overlap.
func (s *stream) noteReturn(h *handle, off, end int64) {
	u := s.user(h)
	if u != nil && off == s.next && u.seen < h.total-(end-off) && u.overlaps == h.overlaps {
		s.returns++
	}
	if u == nil && s.parked.handle == h {
		u = &s.parked
	}
	if u != nil && off == s.next {
		s.away = max(s.away, h.total-(end-off)-u.seen)
	}
}

// inTurns reports whether its reader takes turns between this stream and others. He
// will go on, then, as one who begins at the head does.
func (s *stream) inTurns() bool { return s.returns >= turnReturns }

// user returns what is known of h, nil when it does not read here.
func (s *stream) user(h *handle) *user {
	for i := range s.users {
		if s.users[i].handle == h {
			return &s.users[i]
		}
	}
	return nil
}

// share makes the users of t those of s too.
func (s *stream) share(t *stream) {
	for _, u := range t.users {
		if own := s.user(u.handle); own != nil {
			if u.seen > own.seen {
				own.seen, own.at, own.overlaps = u.seen, u.at, u.overlaps
			}
			own.born = min(own.born, u.born)
		} else {
			s.users = append(s.users, u)
		}
	}
}

// readByOthers reports whether anybody but h reads here.
func (s *stream) readByOthers(h *handle) bool {
	return slices.ContainsFunc(s.users, func(u user) bool { return u.handle != h })
}

// leave notes that h reads here no more.
func (s *stream) leave(h *handle) {
	s.users = slices.DeleteFunc(s.users, func(u user) bool { return u.handle == h })
}

// activate begins to read ahead.
func (s *stream) activate(l limits) {
	s.active = true
	s.restart(l)
}

// restart begins anew from where the reader is.
func (s *stream) restart(l limits) {
	s.rest(l)
	s.window, s.size = l.start, 1
}

// rest forgets what was asked for. Who goes on gets the window at once.
func (s *stream) rest(l limits) { s.edge, s.stalled = s.position(l), false }

// position is where reading goes on: the first block not yet begun or, downwards,
// the last one begun.
func (s *stream) position(l limits) int64 {
	if s.downwards {
		return s.start / l.block
	}
	return (s.next + l.block - 1) / l.block
}

// asked returns the blocks ahead of the reader that were asked for.
func (s *stream) asked(l limits) span {
	pos := s.position(l)
	switch {
	case !s.active:
		return span{pos, 0}
	case s.downwards:
		return span{s.edge, max(pos-s.edge, 0)}
	}
	return span{pos, max(s.edge-pos, 0)}
}

// extend adds a read that touches s, and says on which sides it reached further.
func (s *stream) extend(off, end int64) (up, down bool) {
	up, down = end > s.next, off < s.start
	if up {
		s.read += end - s.next
		s.next = end
	}
	if down {
		s.read += s.start - off
		s.start = off
	}
	return up, down
}

// count notes on which sides s has come further.
func (s *stream) count(up, down bool) {
	switch {
	case up == down:
	case up:
		s.hits, s.backs = s.hits+1, 0
	default:
		s.hits, s.backs = 0, s.backs+1
	}
}

// trim forgets what was read too long ago to be overtaken.
func (s *stream) trim(l limits) {
	if s.downwards {
		s.next = min(s.next, s.start+reorderBlocks*l.block)
	} else {
		s.start = max(s.start, s.next-reorderBlocks*l.block)
	}
}

// trust is how many times what was read the window may be.
func (s *stream) trust(read int64, stalled bool) int64 {
	switch place := s.visit > 0 && !s.downwards && !s.inTurns(); {
	case place && stalled:
		return min(max(read/2, placeTrust), waitTrust)
	case place:
		return placeTrust
	case stalled:
		return waitTrust
	}
	return headTrust
}

// grow widens the window at a hit, and reports whether the reader had waited.
func (s *stream) grow(l limits) (stalled bool) {
	stalled, s.stalled = s.stalled, false
	switch {
	case s.window < freeBlocks:
		read := (s.read + l.block - 1) / l.block
		faster := int64(2)
		if stalled && !s.wary {
			faster = 4
		}
		s.window = max(s.window, min(faster*s.window, freeBlocks, max(l.start, read*s.trust(read, stalled))))
	case stalled:
		s.window += s.window / 2
		s.wary = false
	}
	s.window = min(s.window, l.maximum)
	return stalled
}

// topUp appends requests to ahead until the window is full. It waits until half
// of it is used up, unless the reader had to wait: then too little was asked for. Where
// the window is wide because he had, the connections never idle: the next request is
// made as soon as there is room for it (918 for 799 MB/s at 20 ms and 80 MB/s a connection).
// room tells how many blocks memory would give a guess now; when that is less
// than a request, the window halves instead.
func (s *stream) topUp(l limits, stalled bool, room func() int64, ahead []span) []span {
	pos := s.position(l)
	if s.chunk == 0 && (pos > s.bound+1 || s.inTurns()) {
		s.bound = 0 // the reader has gone, or will go, further than expected
	}
	if (s.edge-pos)*s.sign() < 0 {
		s.edge = pos // the reader skipped what was asked for
	}
	left := (s.edge - pos) * s.sign()
	steady := s.window > freeBlocks && left+s.size <= s.window
	if s.window == 0 || s.done(l) || (!stalled && !steady && left >= (s.window+1)/2) {
		return ahead
	}
	if room() < s.size {
		s.window = max(s.window/2, l.start)
		return ahead
	}
	for ; left < s.window && !s.done(l); left = (s.edge - pos) * s.sign() {
		if 2*left >= s.window && left+s.size > s.window {
			break // the next request is for when the window has moved on
		}
		ahead = append(ahead, s.request(l))
	}
	return ahead
}

// request moves the edge by one request. It ends at a multiple of its size, so
// that all readers of an object come to ask for the same runs. The first ones are not
// long: the reader waits for each of them to the end, and the last block of one of 8 MiB
// is 52 ms behind that of one of 4 (80 MB/s a connection).
func (s *stream) request(l limits) span {
	from, size := s.edge, s.size
	if s.read/l.block+abs(from-s.position(l)) < freeBlocks {
		size = min(size, smallBlocks)
	}
	s.size = min(2*size, l.request)
	if s.downwards {
		s.edge = max((from-1)/size*size, 0)
		return span{s.edge, from - s.edge}
	}
	s.edge = min((from+size)/size*size, s.last(l))
	return span{from, s.edge - from}
}

// front is where reading goes on.
func (s *stream) front() int64 { return s.end(s.downwards) }

// end is the lower or the upper one.
func (s *stream) end(lower bool) int64 {
	if lower {
		return s.start
	}
	return s.next
}

// back is where it began, as far as is known.
func (s *stream) back() int64 { return s.end(!s.downwards) }

// adopt goes on as t.
func (s *stream) adopt(t *stream) {
	s.active, s.downwards, s.hits, s.backs = t.active, t.downwards, t.hits, t.backs
	s.edge, s.window, s.size = t.edge, t.window, t.size
	s.visit, s.bound, s.reach, s.chunk = t.visit, t.bound, t.reach, t.chunk
}

// skipped returns the blocks between the reader and a byte further on.
func (s *stream) skipped(l limits, to int64) span {
	pos := s.position(l)
	if s.downwards {
		end := (to + l.block - 1) / l.block
		return span{end, pos - end}
	}
	return span{pos, to/l.block - pos}
}

// distance is how far [off, end) is from that.
func (s *stream) distance(off, end int64) int64 {
	if s.downwards {
		return abs(end - s.start)
	}
	return abs(off - s.next)
}

func (s *stream) sign() int64 {
	if s.downwards {
		return -1
	}
	return 1
}

func (s *stream) done(l limits) bool {
	if s.downwards {
		return s.edge == 0
	}
	return s.edge >= s.last(l)
}

// through reports whether the ends of chunks mean nothing to who reads.
func (s *stream) through() bool { return s.passed >= throughChunks }

// over reports whether the reader has come to the end of the column chunks expected of him.
func (s *stream) over(l limits) bool {
	return s.chunk > 0 && s.bound > 0 && s.position(l) >= s.bound
}

// last returns where an upward stream's guesses end.
func (s *stream) last(l limits) int64 {
	if s.bound > 0 {
		return min(s.bound, l.blocks)
	}
	return l.blocks
}
