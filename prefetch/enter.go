package prefetch

// How streams come to column chunks, and what a detector does where it knows these.

// enter notes that s begins at a place apart from all streams, in chunk i. What is left of
// the chunk comes in one request where it is small, or its column one that is read.
func (d *detector) enter(p *plan, s *stream, i int, room func() int64) {
	l := d.limits
	chunk := d.columns.chunks[i]
	s.visit = d.visits.add(l, s.start, s.next, chunk.End)
	rest := l.cover(s.start, chunk.End)
	p.begun = !d.columns.begun
	expected := d.columns.arrive(i) && d.finished()
	if expected || rest.n <= smallBlocks {
		p.want.n = max(p.want.n, min(rest.n, l.request))
	}
	if expected {
		s.activate(l)
	}
	s.edge = max(s.edge, p.want.end())
	d.follow(p, s, i, expected, room)
	if s.active {
		p.ahead = append(s.topUp(l, true, room, nil), p.ahead...)
	}
}

// readOn notes that h has read on with s by a read of [off, end), perhaps over the end of a
// chunk into another.
func (d *detector) readOn(p *plan, s *stream, h *handle, off, end int64, room func() int64) {
	i := d.columns.at(off)
	switch {
	case i+1 == s.chunk || s.downwards:
		return
	case i < 0: // behind the columns, among indexes or in the footer
		s.chunk, s.bound = 0, 0
		return
	}
	switch from := s.user(h).from; {
	case d.columns.find(from, end) == i: // another has read before it
		s.passed = 0
	case s.chunk > 0 && off >= d.columns.reach(s.chunk-1, off): // of several, where they are small
		s.passed++
		for j := s.chunk; j < i && s.through(); j++ {
			d.columns.arrive(j) // of shorter ones than a read, believed only now
		}
	}
	d.follow(p, s, i, d.columns.arrive(i), room)
}

// follow expects the reader of s, who has come to chunk i, at the end of what is read of
// columns there, and then at other chunks. Who reads over the ends of chunks is a stream
// like others.
func (d *detector) follow(p *plan, s *stream, i int, expected bool, room func() int64) {
	l := d.limits
	s.chunk, s.bound = i+1, 0
	if s.through() {
		return
	}
	reach := d.columns.reach(i, d.columns.chunks[i].End+l.maximum*l.block)
	here := l.cover(s.start, reach)
	s.bound = here.end()
	p.foreseen = d.visits.come(here)
	if !d.finished() || d.visits.partial() {
		return // what chunks say of him is not seen yet, or not so
	}
	budget := l.afford(d.visits.wanted(), room())
	if expected {
		s.window = max(s.window, min(here.n, budget, d.share(s)))
		s.size = max(s.size, min(l.request, budget)) // more than there is room for is not asked for at all
	}
	rows, group := d.columns.rows, d.columns.chunks[i].Group
	p.ahead = d.choose(rows, group, i+1, reach, here, budget-max(here.end()-p.want.end(), 0), p.ahead)
}

// finished reports whether any column chunk was read to its end, here or in the file from
// which it is known what to expect.
func (d *detector) finished() bool { return d.columns.hoped || d.visits.finished() }

// choose appends to ahead what to fetch for the reader of a row group, from chunk j and byte
// from on: columns that are read, in the groups that rows expects him in, within a budget of
// blocks. He has what is in here.
func (d *detector) choose(r rows, group int32, j int, from int64, here span, budget int64, ahead []span) []span {
	l, horizon := d.limits, r.horizon(group)
	to := here.end() // a block is one, however many chunks lie in it
	for ; j < len(d.columns.chunks) && budget > 0; j++ {
		chunk := d.columns.chunks[j]
		if chunk.Group > horizon {
			break
		}
		if chunk.Off < from || !d.columns.chosen(j) || !r.follow(group, chunk.Group) {
			continue
		}
		b := l.cover(chunk.Off, chunk.End)
		b.n = min(b.n, max(to-b.first, 0)+budget)
		budget -= max(b.end()-max(b.first, to), 0)
		to = max(to, b.end())
		ahead = d.visits.ask(l, b, here, ahead)
	}
	return ahead
}

// foresee returns what to fetch, within a budget of blocks, of a file that nobody has come to
// yet: what is expected of its first row groups.
func (d *detector) foresee(budget int64) []span {
	c := &d.columns
	if !c.hoped || c.begun || !c.past.head || d.paused || d.handles == 0 {
		return nil
	}
	return d.choose(c.past, 0, 0, 0, span{}, d.limits.afford(freeBlocks, budget), nil)
}

// foreseeHead returns what to fetch, n blocks at most, of a file that nobody reads and that
// will be read from its beginning on: not for the first time, perhaps.
func (d *detector) foreseeHead(n int64) []span {
	if d.readers > 0 || d.head > 0 || d.paused || d.handles == 0 {
		return nil
	}
	d.head = min(n, d.limits.blocks)
	return (span{0, d.head}).pieces(min(smallBlocks, d.limits.request))
}

// expect returns what other files of the schema will be read of, as far as this one tells;
// false for nothing.
func (d *detector) expect() (projection, bool) {
	if !d.finished() || d.visits.partial() {
		return projection{}, false
	}
	return d.columns.projection()
}

// glanced reports whether nothing but the footer was read of a Parquet file, by reads that begin
// with a page.
func (d *detector) glanced() bool {
	c := &d.columns
	return len(c.chunks) > 0 && d.depth <= d.limits.size-c.chunks[len(c.chunks)-1].End+c.joint
}

// picked reports whether column chunks were read: that they are expected to be is not enough, or
// who comes for footers only would pass it on from file to file.
func (d *detector) picked() bool {
	_, ok := d.expect()
	return ok && (d.columns.begun || !d.columns.hoped)
}

// beyond reports whether a read of [off, end) that goes on with s is the kernel's only,
// which is always a stride ahead of the reader: behind the end of a chunk whose neighbour
// is not read. Should he come there, the next stride is a read like others.
func (d *detector) beyond(s *stream, off, end int64) bool {
	l := d.limits
	if s.chunk == 0 || s.downwards || off != s.next || s.through() || !l.isStride(end-off) {
		return false
	}
	reach := d.columns.reach(s.chunk-1, end)
	if off < reach { // the end lies in the read: what is fetched for it must be on its way
		all := l.cover(off, reach).end()
		return end > all*l.block && s.edge >= all
	}
	return off-reach < l.stride
}
