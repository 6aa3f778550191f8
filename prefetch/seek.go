package prefetch

import (
	"slices"
	"time"
)

// Where streams begin, meet and end: what a detector does when a read is not just
// the next one of a stream.

// join makes one stream of s and those that it has come to touch, and says on which
// sides the largest of them has come further: pieces that were overtaken close their
// gaps in any direction.
func (d *detector) join(s *stream, up, down bool) (joined *stream, furtherUp, furtherDown bool) {
	id := s.id
	for i := 0; i < len(d.streams); i++ {
		t := &d.streams[i]
		if t.id == id || t.start > s.next || t.next < s.start || t.active && s.active && t.downwards != s.downwards {
			continue
		}
		above, below := t.next > s.next, t.start < s.start
		visit, joined := d.visits.join(s.visit, t.visit)
		switch {
		case t.active && s.active:
			s.window, s.size = max(s.window, t.window), max(s.size, t.size)
			if s.sign()*(t.edge-s.edge) > 0 {
				s.edge = t.edge
			}
			up, down = up || above, down || below
		case t.active || !s.active && t.read >= s.read:
			up, down = s.next > t.next, s.start < t.start
			s.adopt(t)
		default:
			up, down = up || above, down || below
		}
		if joined {
			s.visit = visit
		}
		s.start, s.next = min(s.start, t.start), max(s.next, t.next)
		s.read += t.read
		s.stalled = s.stalled || t.stalled
		s.passed = max(s.passed, t.passed)
		s.returns, s.away = max(s.returns, t.returns), max(s.away, t.away)
		s.share(t)
		d.remove(t)
		i = -1
		s = d.find(id)
	}
	return s, up, down
}

// jump activates s, and gives up what was asked for where the reader came from; or,
// when s lies in what an active stream of the same reader has asked for, moves that
// stream there, as he has skipped ahead. Where another reads behind it, who has
// skipped is no more than the first there.
func (d *detector) jump(p *plan, s *stream, h *handle) *stream {
	l := d.limits
	pos := s.position(l)
	for i := range d.streams {
		t := &d.streams[i]
		skipped := (s.back() - t.front()) * t.sign()
		if !t.active || t.downwards != s.downwards || skipped <= 0 || (t.edge-pos)*t.sign() < 0 {
			continue
		}
		if t.readByOthers(h) {
			s.activate(l)
			s.edge, s.window, s.size = t.edge, t.window, t.size
			d.leaveOthers(p, s, h)
			return s
		}
		if skipped > reorderBlocks*l.block {
			p.drop = append(p.drop, d.clip(t.skipped(l, s.back()), t.id)...)
		}
		t.start, t.next, t.used = s.start, s.next, s.used
		t.visit, t.bound, t.reach, t.chunk = s.visit, s.bound, s.reach, s.chunk
		t.read += s.read
		t.share(s)
		id := t.id
		d.remove(s)
		return d.find(id)
	}
	s.activate(l)
	d.leaveOthers(p, s, h)
	return s
}

// leaveOthers notes where h, who has read s for a while, has not been since it came
// here: three reads here and none there, and it has left.
func (d *detector) leaveOthers(p *plan, s *stream, h *handle) {
	born := s.user(h).born
	for i := range d.streams {
		t := &d.streams[i]
		if u := t.user(h); u != nil && t.active && t.id != s.id && u.seen <= born && !d.approaches(h, t) {
			d.goElsewhere(p, t, h)
		}
	}
}

// goElsewhere notes that h reads t no more: should it come back, then as to a new
// one.
func (d *detector) goElsewhere(p *plan, t *stream, h *handle) {
	if d.left(p, t, h); len(t.users) == 0 {
		t.restart(d.limits)
	}
}

// left notes that h reads t no more; with its last reader go the guesses.
func (d *detector) left(p *plan, t *stream, h *handle) {
	t.leave(h)
	if len(t.users) == 0 {
		d.dropAhead(p, t)
		t.rest(d.limits)
	}
}

// close forgets h, and returns what was asked for and nobody needs any more. The
// streams that it has read stay known, with their windows: who goes on there takes
// them over.
func (d *detector) close(h *handle) []span {
	var p plan
	for i := range d.streams {
		t := &d.streams[i]
		if t.user(h) != nil {
			d.left(&p, t, h)
		}
		if t.parked.handle == h {
			t.parked = user{}
		}
	}
	if h.counted {
		d.handles--
	}
	if h.begun {
		d.readers--
	}
	if d.handles == 0 {
		d.head = 0 // who comes later was not expected
	}
	// Who has the file open but for its footer, and not read it, needs nothing of what readers
	// of columns asked for.
	if d.handles == 0 || h.begun && d.readers == 0 && d.columns.begun {
		p.drop = append(p.drop, d.visits.leave()...)
		d.columns.leave()
	}
	return p.drop
}

// begin makes a new stream of a read that belongs to none, where there is a place
// for it.
func (d *detector) begin(p *plan, first bool, now time.Time, h *handle, off, end int64, room func() int64) {
	l := d.limits
	if end >= l.size {
		if d.amid(off) {
			d.overtook = off
		}
		return
	}
	if !d.makeRoom(p, now, h) {
		return
	}
	d.lastID++
	d.streams = append(d.streams, stream{
		id: d.lastID, start: off, next: end, read: end - off, used: now,
	})
	s := &d.streams[len(d.streams)-1]
	s.touch(h, off, end)
	if (!d.amid(off) || d.columns.begins(off, end)) && !(first && off == 0) {
		d.visit(p, s, room)
	}
	if first && off == 0 {
		p.stream = s.id
		s.activate(l)
		if end >= l.block/2 {
			s.window = min(l.eager, d.share(s))
		}
		if d.head > 0 {
			// He goes on as he did in the file before. What was asked for ahead of him is asked for
			// again: what is there costs no request, and some may have gone from memory.
			s.size = min(smallBlocks, l.request)
			s.window = max(s.window, min(2*d.head, d.share(s)))
			d.head = 0
		}
		p.ahead = s.topUp(l, true, room, p.ahead)
	}
}

// visit notes that s begins at a place apart from all streams. A reader who will go
// on there for sure gets all of it in one request, and no more is fetched than ever
// was read of a place.
func (d *detector) visit(p *plan, s *stream, room func() int64) {
	l := d.limits
	whole := int64(0)
	if d.columns.chunks == nil {
		p.learn = true
	} else if i := d.columns.find(s.start, s.next); i >= 0 {
		// Who begins amid a chunk may read anywhere.
		if s.start <= d.columns.chunks[i].Off && !d.visits.partial() {
			d.enter(p, s, i, room)
			return
		}
		whole = d.columns.chunks[i].End
	}
	a := d.visits.arrive(l, s.start, s.next, whole, room)
	s.visit, p.foreseen, p.ahead = a.id, a.foreseen, append(p.ahead, a.ahead...)
	if a.sure > 0 {
		s.reach = s.start + a.sure
	}
	if d.visits.period == 0 {
		p.drop = append(p.drop, d.unneeded(d.visits.pending())...)
	}
	all := l.cover(s.start, min(s.start+max(a.sure, s.next-s.start), l.size))
	p.want.n = max(p.want.n, min(all.n, l.request))
	if a.most > 0 {
		s.bound = l.cover(s.start, min(s.start+a.most, l.size)).end()
	}
}

// makeRoom forgets idle streams, and if that is not enough the oldest one that was
// never active, has come to the end of its column chunk or may be stolen: of h's own, unless they are few.
func (d *detector) makeRoom(p *plan, now time.Time, h *handle) bool {
	own := 0
	for i := 0; i < len(d.streams); i++ {
		s := &d.streams[i]
		switch {
		case now.Sub(s.used) > idleTime:
			d.dropAhead(p, s)
			d.remove(s)
			i--
		case s.user(h) != nil:
			own++
		}
	}
	if own < maxStreams && len(d.streams) < maxShared {
		return true
	}
	var victim *stream
	for i := range d.streams {
		s := &d.streams[i]
		if s.active && !s.over(d.limits) && now.Sub(s.used) <= stealTime || own >= maxStreams && s.user(h) == nil {
			continue
		}
		if victim == nil || victim.active && !s.active ||
			victim.active == s.active && s.used.Before(victim.used) {
			victim = s
		}
	}
	if victim == nil {
		return false
	}
	d.dropAhead(p, victim)
	d.remove(victim)
	return true
}

// park drops the guesses of streams that h has left: since it last read there it
// has read a request's size elsewhere for each other stream. One who takes turns
// between streams in smaller pieces loses nothing.
func (d *detector) park(p *plan, h *handle) {
	others := int64(-1)
	for i := range d.streams {
		if s := &d.streams[i]; s.active && s.user(h) != nil {
			others++
		}
	}
	patience := max(others, 1) * d.limits.request * d.limits.block
	for i := range d.streams {
		s := &d.streams[i]
		if u := s.user(h); u != nil && s.active && h.total-u.seen > max(patience, 2*s.away) && s.asked(d.limits).n > 0 && !d.approaches(h, s) {
			s.parked = *u
			d.goElsewhere(p, s, h)
		}
	}
}

// approaches reports whether h comes for what was asked for ahead of t: it was here,
// others have moved t on, and h reads behind t, no further away than t reads ahead.
func (d *detector) approaches(h *handle, t *stream) bool {
	u := t.user(h)
	return u.at <= t.start && !t.downwards && slices.ContainsFunc(d.streams, func(s stream) bool {
		return s.id != t.id && s.active && !s.downwards && s.user(h) != nil &&
			s.next <= t.start && t.start-s.next <= max(t.window, reorderBlocks)*d.limits.block
	})
}

// dropAhead gives up what was asked for ahead of s.
func (d *detector) dropAhead(p *plan, s *stream) {
	p.drop = append(p.drop, d.clip(s.asked(d.limits), s.id)...)
}

// unneeded returns what of the spans no stream has asked for.
func (d *detector) unneeded(spans []span) []span {
	var rest []span
	for _, s := range spans {
		rest = append(rest, d.clip(s, 0)...)
	}
	return rest
}

// clip returns what of a no stream but the given one needs.
func (d *detector) clip(a span, id uint64) []span {
	rest := []span{a}
	for i := range d.streams {
		s := &d.streams[i]
		b := s.asked(d.limits)
		if s.id == id || b.n == 0 {
			continue
		}
		var left []span
		for _, r := range rest {
			if !r.overlaps(b) {
				left = append(left, r)
				continue
			}
			if n := b.first - r.first; n > 0 {
				left = append(left, span{r.first, n})
			}
			if n := r.end() - b.end(); n > 0 {
				left = append(left, span{b.end(), n})
			}
		}
		rest = left
	}
	return slices.DeleteFunc(rest, func(s span) bool { return s.n <= 0 })
}

func (d *detector) find(id uint64) *stream {
	for i := range d.streams {
		if d.streams[i].id == id {
			return &d.streams[i]
		}
	}
	return nil
}

func (d *detector) remove(s *stream) {
	for i := range d.streams {
		if &d.streams[i] == s {
			d.streams = append(d.streams[:i], d.streams[i+1:]...)
			return
		}
	}
}
