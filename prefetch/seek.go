package prefetch

import "time"

// Where streams begin, meet and end: what a detector does when a read is not just
// the next one of a stream.

// join makes one stream of s and those that it has come to touch.
func (d *detector) join(s *stream) *stream {
	id := s.id
	for i := 0; i < len(d.streams); i++ {
		t := &d.streams[i]
		if t.id == id || t.start > s.next || t.next < s.start || t.downwards != s.downwards {
			continue
		}
		if t.active && !s.active {
			s.active, s.edge, s.window, s.size = true, t.edge, t.window, t.size
		} else if t.active {
			s.window, s.size = max(s.window, t.window), max(s.size, t.size)
			if s.sign()*(t.edge-s.edge) > 0 {
				s.edge = t.edge
			}
		}
		s.start, s.next = min(s.start, t.start), max(s.next, t.next)
		s.read, s.hits, s.backs = s.read+t.read, s.hits+t.hits, s.backs+t.backs
		s.stalled = s.stalled || t.stalled
		d.remove(t)
		i = -1
		s = d.find(id)
	}
	return s
}

// jump activates s, and gives up what was asked for where the reader came from; or, when s lies in what an active stream has asked for, moves
// that stream there, as its reader has skipped ahead.
func (d *detector) jump(p *plan, s *stream) *stream {
	l := d.limits
	pos := s.position(l)
	for i := range d.streams {
		t := &d.streams[i]
		if !t.active || t.downwards || t.next >= s.start || pos > t.edge {
			continue
		}
		if s.start-t.next > reorderBlocks*l.block {
			from := t.position(l)
			p.drop = append(p.drop, d.clip(span{from, s.start/l.block - from}, t.id)...)
		}
		t.start, t.next, t.used, t.seen = s.start, s.next, s.used, s.seen
		t.read += s.read
		id := t.id
		d.remove(s)
		return d.find(id)
	}
	s.activate(l)
	for i := range d.streams {
		// Who has read three times here and never again there, has left.
		if t := &d.streams[i]; t.active && t.id != s.id && t.seen <= s.born {
			d.dropAhead(p, t)
			t.restart(l)
		}
	}
	return s
}

// begin makes a new stream of a read that belongs to none, where there is a place
// for it.
func (d *detector) begin(p *plan, first bool, now time.Time, off, end int64, room func() int64) {
	l := d.limits
	if end >= l.size || !d.makeRoom(p, now) {
		return
	}
	d.lastID++
	d.streams = append(d.streams, stream{
		id: d.lastID, start: off, next: end, read: end - off, used: now, seen: d.total, born: d.total,
	})
	if s := &d.streams[len(d.streams)-1]; first && off == 0 {
		p.stream = s.id
		s.activate(l)
		p.ahead = s.topUp(l, true, room, p.ahead)
	}
}

// makeRoom forgets idle streams, and if that is not enough the oldest one that was
// never active or may be stolen.
func (d *detector) makeRoom(p *plan, now time.Time) bool {
	for i := 0; i < len(d.streams); i++ {
		if s := &d.streams[i]; now.Sub(s.used) > idleTime {
			d.dropAhead(p, s)
			d.remove(s)
			i--
		}
	}
	if len(d.streams) < maxStreams {
		return true
	}
	var victim *stream
	for i := range d.streams {
		s := &d.streams[i]
		if s.active && now.Sub(s.used) <= stealTime {
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

// park drops the guesses of streams that their reader has left: since he last
// read there he has read a request's size elsewhere for each other stream. One
// who takes turns between streams in smaller pieces loses nothing.
func (d *detector) park(p *plan) {
	others := int64(-1)
	for i := range d.streams {
		if d.streams[i].active {
			others++
		}
	}
	patience := max(others, 1) * d.limits.request * d.limits.block
	for i := range d.streams {
		if s := &d.streams[i]; s.active && d.total-s.seen > patience && s.asked(d.limits).n > 0 {
			d.dropAhead(p, s)
			s.restart(d.limits)
		}
	}
}

// dropAhead gives up what was asked for ahead of s.
func (d *detector) dropAhead(p *plan, s *stream) {
	p.drop = append(p.drop, d.clip(s.asked(d.limits), s.id)...)
}

// clip returns what of a no stream but the given one needs.
func (d *detector) clip(a span, id uint64) []span {
	rest := a
	for i := range d.streams {
		s := &d.streams[i]
		b := s.asked(d.limits)
		if s.id == id || b.n == 0 || !rest.overlaps(b) {
			continue
		}
		if b.first <= rest.first {
			rest = span{b.end(), rest.end() - b.end()}
		} else {
			rest.n = b.first - rest.first
		}
	}
	if rest.n <= 0 {
		return nil
	}
	return []span{rest}
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
