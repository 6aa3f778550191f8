package prefetch

import "slices"

// visit is a place where a read came down that went on with no stream.
type visit struct {
	start, first int64 // bytes [start, first) were its first read
	end          int64 // it was read on up to here
	whole        int64 // and will be up to there; 0 for unknown
	strides      int   // as long as the kernel reads ahead at once, one after another in the end
	last         int64 // where the latest of these began
}

// length returns how far was read, 0 where nobody went on after the first read: the
// lengths of single reads say nothing about the next.
func (v visit) length() int64 {
	if v.end == v.first {
		return 0
	}
	return v.reach()
}

// extend notes a read of [off, end), unless another has come as far.
func (v *visit) extend(l limits, off, end int64) {
	if end <= v.end {
		return
	}
	v.end = end
	if l.isStride(end - off) {
		v.strides, v.last = v.strides+1, off
	} else {
		v.strides = 0 // it is the reader's own
	}
}

// reach returns how far from its start the reader himself has come, at most. The kernel
// asks for one stride when the reader comes to the one before: the last one of several
// is what nobody has come to.
func (v visit) reach() int64 {
	if v.strides > 1 {
		return v.last - v.start
	}
	return v.end - v.start
}

// visits are the latest ones of a version, by all its handles. Readers of columns
// go through a file in steps that come again with every row group, several threads
// together: so a place is expected where places lie behind it at equal distances,
// whatever has been visited between. And as far as most were read on, the next will
// be: a reader who begins with the head of a column need not wait twice.
type visits struct {
	ring [maxVisits]visit
	n    int64 // visits so far; the last one's number
	lost int64 // the last one that another was noted over: a piece that joins leaves its place empty

	period int64  // the distance that is believed; 0 for none
	hits   int    // how often it has come since
	misses int    // visits since, other than expected
	asked  []span // and not yet come to; the latest last
	waited bool   // for what had been asked for, by somebody who had come to it
}

const (
	maxVisits = 32
	// strideHits is how often the same distance must come before it is believed:
	// four reads have three distances.
	strideHits = 3
	// Where others are visited between, it takes more, and each place must lie that
	// far after one of the few before it: else random reads of whole blocks of a
	// small object would do, by chance.
	stepHits = 6
	maxSteps = 12
	// After so many visits elsewhere a distance is no longer believed.
	strideMisses = 8
	// After so many visits a block is fetched for the length of those before; to
	// stop there, when wrong, costs one wait only, and takes fewer.
	lengthVisits = 4
	boundVisits  = 2
	recentVisits = 8
	// waitBlocks may be asked for of places to come where the reader had to wait for what was,
	// instead of freeBlocks (20 ms, 80 MB/s a connection: columns at 220 MB/s for 150, DuckDB's
	// at 245 for 200; no faster with 128).
	waitBlocks = 2 * freeBlocks
	// maxAsked is more than can be on its way.
	maxAsked = 2 * waitBlocks
)

// at returns the i-th visit; the numbers begin with 1.
func (v *visits) at(i int64) *visit { return &v.ring[i%maxVisits] }

// oldest returns the number of the first one that is remembered.
func (v *visits) oldest() int64 { return v.lost + 1 }

// find returns the latest visit, of those from the given ones on, that began at
// about start, or 0.
func (v *visits) find(start, from, before, tolerance int64) int64 {
	for i := before - 1; i >= max(from, v.oldest()); i-- {
		if abs(v.at(i).start-start) <= tolerance {
			return i
		}
	}
	return 0
}

// arrival is what is known of a visit when it begins.
type arrival struct {
	id         int64 // the visit's number
	sure, most int64 // how far it will surely be read, and how far at most; 0 for unknown
	foreseen   bool  // some of it was asked for
	ahead      []span
}

// arrive is told of a visit that begins with a read of [off, end), in a place that ends at
// whole or, where that is 0, nobody knows where. It says what to fetch of the places that come
// after it.
func (v *visits) arrive(l limits, off, end, whole int64, room func() int64) (a arrival) {
	a.sure, a.most = v.lengths()
	before := v.expected(l, off)
	if before > 0 {
		a.sure = v.length(l, before)
		a.most = max(a.most, a.sure)
	}
	a.id = v.add(l, off, end, whole)
	if before > 0 {
		here := l.cover(off, min(max(off+a.sure, end), l.size))
		a.foreseen = v.come(here)
		a.ahead = v.predict(l, off, here, room)
	}
	return a
}

// add notes a visit that begins with a read of [off, end), and returns its number.
func (v *visits) add(l limits, off, end, whole int64) int64 {
	v.n++
	v.lost = max(v.lost, v.n-maxVisits)
	*v.at(v.n) = visit{start: off, first: end, end: off, whole: whole}
	v.at(v.n).extend(l, off, end)
	return v.n
}

// partial reports whether places of a known length are mostly not read to their end.
func (v *visits) partial() bool {
	var all, broken int
	for i := v.oldest(); i <= v.n-underWay; i++ {
		if p := v.at(i); p.whole > 0 {
			all++
			if p.end < p.whole {
				broken++
			}
		}
	}
	return all >= lengthVisits && 2*broken > all
}

// finished reports whether any place of a known length was read to its end.
func (v *visits) finished() bool {
	return slices.ContainsFunc(v.ring[:], func(p visit) bool { return p.whole > 0 && p.end >= p.whole })
}

// extend notes that a visit was read on by a read of [off, end).
func (v *visits) extend(l limits, id, off, end int64) {
	if at := v.get(id); at != nil {
		at.extend(l, off, end)
	}
}

// join is told that the reads of two visits have met. The latest was none of its own, then, but
// a piece of the kernel's that had overtaken others: left as it is, the next place would lie
// behind it at a distance that never comes again (a table by reads of 256 KiB: 160 MB/s for 220). It
// returns the visit that both are, false where they stay two.
func (v *visits) join(a, b int64) (id int64, joined bool) {
	id, last := min(a, b), max(a, b)
	if id == last || last != v.n || v.get(id) == nil {
		return 0, false
	}
	x, y := v.at(id), v.at(last)
	if y.start < x.start {
		x.start, x.first = y.start, y.first
	}
	if y.end > x.end {
		x.end, x.strides, x.last = y.end, y.strides, y.last
	}
	v.n--
	return id, true
}

// get returns a visit that is remembered, or nil.
func (v *visits) get(id int64) *visit {
	if id < v.oldest() || id > v.n {
		return nil
	}
	return v.at(id)
}

// lengths returns how far three of four of the latest visits went, as some may be
// under way, and how far the longest.
func (v *visits) lengths() (sure, most int64) {
	if v.n < boundVisits {
		return 0, 0
	}
	var all []int64
	for i := max(v.n-recentVisits+1, v.oldest()); i <= v.n; i++ {
		all = append(all, v.at(i).length())
		most = max(most, v.at(i).end-v.at(i).start)
	}
	if v.n < lengthVisits {
		return 0, most
	}
	slices.Sort(all)
	return all[len(all)/4], most
}

// expected returns the visit one period before off, or 0.
func (v *visits) expected(l limits, off int64) int64 {
	if v.period > 0 {
		if y := v.find(off-v.period, 1, v.n+1, l.block/4); y > 0 {
			v.period = off - v.at(y).start
			v.hits++
			v.misses = 0
			return y
		}
		if v.misses++; v.misses > strideMisses {
			v.period, v.waited = 0, false
		}
	}
	for y := v.n; y >= max(v.oldest(), v.n-maxSteps); y-- {
		if gap := off - v.at(y).start; gap > l.block/16 && v.believes(gap, y, l.block/32) {
			v.period, v.hits, v.misses = gap, 0, 0
			return y
		}
	}
	return 0
}

// believes reports whether a place that lies gap after visit y makes gap a period.
// Headers of a few bytes more or less make no difference.
func (v *visits) believes(gap, y, tolerance int64) bool {
	alone := y == v.n // nothing was visited between
	hits := 1
	for i := v.n; hits < stepHits && i >= v.oldest(); i-- {
		j := v.find(v.at(i).start-gap, i-maxSteps, i, tolerance)
		if j == 0 {
			break
		}
		alone = alone && j == i-1
		hits++
	}
	return hits == stepHits || alone && hits >= strideHits
}

// predict returns what to fetch of the places after a visit at off that was expected, and
// takes what is in here: twice as far at each hit. The places are those of the last period.
func (v *visits) predict(l limits, off int64, here span, room func() int64) []span {
	budget := l.afford(v.wanted(), room())
	if budget == 0 {
		return nil
	}
	places := v.places(l, off)
	inPeriod := int64(0) // blocks
	for _, p := range places {
		inPeriod += l.cover(p.start, p.end).n
	}
	if inPeriod == 0 {
		return nil // the place one period before has just been forgotten
	}
	// So far lie as many blocks as the budget has; and not much farther than what
	// has come as expected.
	horizon := off + min(max(budget*l.block, budget*v.period/inPeriod), v.period<<min(v.hits, 5))
	var ahead []span
	for shift := v.period; ; shift += v.period {
		for _, p := range places {
			from := p.start + shift
			if from > horizon || from >= l.size {
				return ahead
			}
			ahead = v.ask(l, l.cover(from, min(p.end+shift, l.size)), here, ahead)
		}
	}
}

// come notes that a reader has come to here, and reports whether any of it had been asked for.
func (v *visits) come(here span) (foreseen bool) {
	n := len(v.asked)
	v.asked = slices.DeleteFunc(v.asked, func(s span) bool { return s.first >= here.first && s.end() <= here.end() })
	return len(v.asked) < n
}

// wanted returns how many blocks are to be asked for of places to come.
func (v *visits) wanted() int64 {
	if v.waited {
		return waitBlocks
	}
	return freeBlocks
}

// ask appends to ahead what of b is neither in here nor asked for.
func (v *visits) ask(l limits, b, here span, ahead []span) []span {
	if b = v.unasked(b, here); b.n <= 0 {
		return ahead
	}
	v.asked = append(v.asked, b)
	v.asked = v.asked[max(len(v.asked)-maxAsked, 0):]
	return appendSpan(ahead, b, l.request)
}

// unasked returns what of b is neither in here nor asked for.
func (v *visits) unasked(b, here span) span {
	for i := -1; i < len(v.asked) && b.n > 0; i++ {
		a := here
		if i >= 0 {
			a = v.asked[i]
		}
		switch {
		case !a.overlaps(b):
		case a.first <= b.first:
			b = span{a.end(), b.end() - a.end()}
		default:
			b.n = a.first - b.first
		}
	}
	return b
}

// places returns what was visited in the period up to off, and one period before,
// in order; the last one is off's own.
func (v *visits) places(l limits, off int64) []visit {
	var places []visit
	for i := v.n; i >= v.oldest(); i-- {
		start := v.at(i).start
		if start > off || start <= off-v.period {
			continue
		}
		before := v.find(start-v.period, 1, i, l.block/4)
		known := slices.ContainsFunc(places, func(p visit) bool { return abs(p.start-start) <= l.block/4 })
		if before == 0 || known {
			continue
		}
		length := max(v.length(l, i), v.at(before).reach())
		places = append(places, visit{start: start, end: start + length})
	}
	slices.SortFunc(places, func(a, b visit) int { return int(a.start - b.start) })
	return places
}

// length returns how far was read from visit i, or one or two periods before it, as
// the latest may be under way.
func (v *visits) length(l limits, i int64) int64 {
	n := v.at(i).length()
	for range 2 {
		if i = v.find(v.at(i).start-v.period, 1, i, l.block/4); i == 0 {
			break
		}
		n = max(n, v.at(i).length())
	}
	return n
}

// leave notes that those who came to places have left, and returns what was asked for and not
// come to.
func (v *visits) leave() []span {
	v.waited = false
	return v.pending()
}

// pending returns what was asked for and not come to, and forgets it.
func (v *visits) pending() []span {
	asked := v.asked
	v.asked = nil
	return asked
}

// appendSpan joins b to the last span where they touch and fit in a request.
func appendSpan(ahead []span, b span, request int64) []span {
	if n := len(ahead); n > 0 && ahead[n-1].end() == b.first && ahead[n-1].n+b.n <= request {
		ahead[n-1].n += b.n
		return ahead
	}
	return append(ahead, b.pieces(request)...)
}
