package prefetch

import (
	"slices"
	"time"
)

// detector sees where the reads of one version fall and says what to fetch. It is
// a value: it does no I/O, has no clock and starts nothing, so that a test can
// tell it any story. It is not safe for concurrent use.
//
// A stream is a run of bytes read in order. A read belongs to a stream when it
// touches or overlaps its last stretch (reorderBlocks); any other read may be the
// first of a new stream. Pieces that overtook each other are streams of their own
// until the gap between them is closed, and then they become one.
//
// The streams belong to the version and not to a handle: forked readers and tasks
// that each read a part go on where others are, and what is asked for ahead of one
// is dropped only when all who read there have left.
type detector struct {
	limits   limits
	streams  []stream
	visits   visits
	columns  columns
	refused  map[int64]struct{} // offsets of reads in doubt, up to maxRefused
	handles  int                // that have read, or will, and are open
	readers  int                // of these, have read
	paused   bool               // a guess has failed and no demand has succeeded since
	others   int                // streams of other versions that share the window
	head     int64              // blocks from the first on that were asked for before anybody read
	whole    int64              // the window of who has read most of it up to its end; 0 for nobody
	overtook int64              // byte where a read up to the end began that came before those below it; 0 for none
	lastID   uint64             // of a stream
	depth    int64              // bytes: so far before the end has been read
}

// handle is what the detector keeps of one open handle, and changes.
type handle struct {
	counted  bool  // in detector.handles
	begun    bool  // a read has been seen
	total    int64 // bytes read
	overlaps int64 // how many of its reads began before others had ended
	pages    bool  // the read is one of the kernel's, for its page cache
}

// plan is what the detector has to say about a read.
type plan struct {
	stream uint64 // for stalled; 0 for none
	want   span   // to fetch together if a block of the read is missing
	ahead  []span // to fetch on a guess, in this order
	drop   []span // guesses that nobody needs any more
	doubt  bool   // the reader will probably not come to what is read: not worth a request
	learn  bool   // column chunks are not known, and would say more
	begun  bool   // it is the first read of columns since nobody had the file open
	// foreseen: the reader comes to a place of which some was asked for.
	foreseen bool
}

// read is told of a handle's read of the bytes [off, off+n) within the object,
// n > 0, and says what to fetch. room tells how many blocks memory would give a
// guess.
func (d *detector) read(now time.Time, h *handle, off, n int64, room func() int64) plan {
	l := d.limits
	end, first := off+n, !h.begun
	if first {
		h.begun = true
		d.readers++
		d.take(h)
	}
	h.total += n
	d.depth = max(d.depth, l.size-off)
	p := plan{want: l.cover(off, end), learn: end >= l.size && l.maximum > 0 && d.columns.chunks == nil}
	switch {
	case l.blocks <= smallBlocks:
		p.want, p.learn = span{0, l.blocks}, false
		return p
	case first && off >= l.size-tailBlocks*l.block:
		p.want = l.cover(l.size-tailBlocks*l.block, l.size)
		return p
	case l.maximum == 0:
		return p
	}
	// Who begins at the head reads on, whatever somebody else has read of it.
	if s := d.match(off, end); s != nil && (s.active || !first || off > 0) {
		d.hit(&p, s, now, h, off, end, room)
	} else {
		d.begin(&p, first, now, h, off, end, room)
	}
	d.park(&p, h)
	if d.paused {
		p.ahead = nil
	}
	return p
}

// take counts h as one who reads.
func (d *detector) take(h *handle) {
	if !h.counted {
		h.counted = true
		d.handles++
	}
}

// stalled says that the reader had to wait for the bytes of the read that p was said of.
func (d *detector) stalled(p plan) {
	for i := range d.streams {
		if d.streams[i].id == p.stream {
			d.streams[i].stalled = true
		}
	}
	if p.foreseen {
		d.visits.waited = true
	}
}

// pause stops guessing, because a guess failed: what cannot be fetched must not be
// asked for again by everybody at once.
func (d *detector) pause() { d.paused = true }

// resume goes on guessing, because a demand has succeeded.
func (d *detector) resume() {
	if !d.paused {
		return
	}
	d.paused = false
	for i := range d.streams {
		d.streams[i].restart(d.limits)
		d.streams[i].wary = true
	}
	d.visits.asked = nil
}

// match returns the stream that [off, end) goes on with: the nearest of those it
// touches, and rather one that is active.
func (d *detector) match(off, end int64) *stream {
	var best *stream
	for i := range d.streams {
		s := &d.streams[i]
		if off > s.next || end < s.start {
			continue
		}
		if best == nil || s.distance(off, end) < best.distance(off, end) ||
			s.distance(off, end) == best.distance(off, end) && s.active && !best.active {
			best = s
		}
	}
	return best
}

// amid reports whether off may be a piece that overtook others of an active stream,
// or was overtaken: in what was asked for ahead of it, or just beyond.
func (d *detector) amid(off int64) bool {
	l := d.limits
	reorder := reorderBlocks * l.block
	return slices.ContainsFunc(d.streams, func(s stream) bool {
		if !s.active {
			return false
		}
		ahead := (off - s.front()) * s.sign()
		asked := (s.edge*l.block - s.front()) * s.sign()
		return -reorder <= ahead && ahead <= max(min(asked, reorder), startBlocks*l.block)
	})
}

// overtaken reports whether s, which may be going down or up, may be no more than
// the pieces that an active stream has left behind, for how little has been read of
// it, or those in which one that goes the other way overtakes itself.
func (d *detector) overtaken(s *stream, down bool) bool {
	reorder := reorderBlocks * d.limits.block
	return slices.ContainsFunc(d.streams, func(t stream) bool {
		if !t.active {
			// Who goes down has not been below before: it overtook, or was overtaken.
			return down && t.id < s.id && t.start < s.start && s.start-t.next <= reorder
		}
		if t.downwards != down {
			return s.start <= t.front()+reorder && s.next >= t.front()-reorder
		}
		behind := (t.front() - s.end(down)) * t.sign()
		return behind > 0 && behind <= reorder && s.read < d.limits.request*d.limits.block
	})
}

// hit moves s by a read that touches it.
func (d *detector) hit(p *plan, s *stream, now time.Time, h *handle, off, end int64, room func() int64) {
	l := d.limits
	s.used = now
	p.doubt = h.pages && (d.doubts(s, off, end) || d.beyond(s, off, end)) && d.refuses(off)
	s.noteReturn(h, off, end)
	s.touch(h, off, end)
	p.stream = s.id
	up, down := s.extend(off, end)
	d.visits.extend(l, s.visit, off, end)
	s, up, down = d.join(s, up, down)
	s.count(up, down)
	s.trim(l)
	if up && !p.doubt {
		d.readOn(p, s, h, off, end, room)
	}
	switch {
	case up == down: // read again, or overtaken
	case s.active && s.downwards == down:
	case s.active && (s.hits >= turnHits || s.backs >= 2*turnHits):
		// What was overtaken was taken for reading the other way, or the reader has turned.
		d.dropAhead(p, s)
		s.downwards = down
		s.activate(l)
		up, down = false, false
	case s.active: // not enough to turn: who does, soon is out of reach (trim)
		up, down = false, false
	case s.hits >= activeHits && (s.next-s.start > l.block || s.inTurns()) && !d.overtaken(s, false):
		s = d.jump(p, s, h)
	case s.backs >= backwardHits && s.start >= l.block && !d.overtaken(s, true):
		s.downwards = true
		s = d.jump(p, s, h)
	default: // not believed yet
		up, down = false, false
	}
	p.stream = s.id
	d.widen(p, s)
	if up == down {
		return
	}
	l.maximum = d.share(s)
	p.ahead = append(s.topUp(l, s.grow(l), room, nil), p.ahead...)
	if !s.downwards && s.read > l.size/2 && (s.next >= l.size || d.overtook > 0 && s.next >= d.overtook) {
		d.whole = s.window
	}
	if !s.downwards && s.next >= l.size || s.downwards && s.start == 0 {
		d.remove(s)
	}
}

// doubts reports whether a read is the kernel's only, which is always a stride ahead of
// the reader: where those before him ended theirs, or a few pages off. Should he come to
// it, the next stride is no more than a read like others. That a stream goes down from there
// is another's doing, and it forgets what is read above it (trim).
func (d *detector) doubts(s *stream, off, end int64) bool {
	v := d.visits.get(s.visit)
	return v != nil && v.strides > 0 && s.reach > 0 && !s.downwards && off == s.next && d.limits.isStride(end-off) &&
		abs(off-s.reach) <= d.limits.block/32
}

// refuses reports whether a read in doubt at off may be refused: once, lest a kernel that asks
// for it again, as somebody waits for it now, gives that one the errno. (Linux 6.18 then asks for
// single pages, which are no strides. One with large folios may ask for the same bytes.)
func (d *detector) refuses(off int64) bool {
	if _, once := d.refused[off]; once {
		return false
	}
	if d.refused == nil || len(d.refused) >= maxRefused {
		d.refused = make(map[int64]struct{})
	}
	d.refused[off] = struct{}{}
	return true
}

// share is how far s may read ahead: as far as one stream may where it is alone. The
// memory is the same for all, and what they ask for beyond it leaves it unread
// (4 interleaved streams: 841 MB/s for 815, and 200 MiB resident for 216).
func (d *detector) share(s *stream) int64 {
	n := int64(d.others + d.asking(s.used))
	if s.asked(d.limits).n == 0 {
		n++
	}
	return max(d.limits.maximum/n, d.limits.start)
}

// asking returns how many streams have asked for something ahead of their readers, and
// are read.
func (d *detector) asking(now time.Time) (n int) {
	for i := range d.streams {
		if s := &d.streams[i]; s.asked(d.limits).n > 0 && now.Sub(s.used) <= stealTime {
			n++
		}
	}
	return n
}

// widen makes a demand of an active stream as long as the request that the block
// belongs to, as far as it was asked for already: when the guess has not begun
// yet, or was lost, a reader must not fetch its blocks one by one.
func (d *detector) widen(p *plan, s *stream) {
	l := d.limits
	switch {
	case !s.active:
	case s.downwards:
		first := max(p.want.first/l.request*l.request, s.edge)
		if first < p.want.first {
			p.want = span{first, p.want.end() - first}
		}
	default:
		end := (p.want.end() + l.request - 1) / l.request * l.request
		if end = min(end, s.edge, l.blocks); end > p.want.end() {
			p.want.n = end - p.want.first
		}
	}
}

func abs(n int64) int64 { return max(n, -n) }
