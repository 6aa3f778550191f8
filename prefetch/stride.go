package prefetch

// strideHits is how often the same distance must come before it is believed: four
// reads have three distances.
const strideHits = 3

// stride recognises reads at a constant distance from each other, each apart from
// the one before. It sees only the reads that belong to no stream.
type stride struct {
	seen  bool
	last  int64 // offset of the last read
	gap   int64
	hits  int
	asked int64 // first block not asked for
}

// read returns what to fetch because of a read of [off, end): the blocks of the
// next few reads, twice as many each time.
func (s *stride) read(l limits, off, end int64, room func() int64) []span {
	gap := off - s.last
	switch {
	case !s.seen:
		*s = stride{seen: true}
	case gap > 0 && gap == s.gap:
		s.hits++
	default:
		*s = stride{seen: true, gap: gap, hits: 1}
	}
	s.last = off
	budget := min(freeBlocks, l.maximum)
	if s.hits < strideHits || budget == 0 || room() < l.start {
		return nil
	}
	s.asked = max(s.asked, l.cover(off, end).end())
	var ahead []span
	for i := range min(int64(1)<<(s.hits-strideHits), maxStreams) {
		from := off + (i+1)*gap
		if from >= l.size || budget <= 0 {
			break
		}
		b := l.cover(from, min(from+end-off, l.size))
		if first := max(b.first, s.asked); first < b.end() {
			b = span{first, b.end() - first}
			s.asked = b.end()
			budget -= b.n
			ahead = appendSpan(ahead, b, l.request)
		}
	}
	return ahead
}

// appendSpan joins b to the last span where they touch and fit in a request.
func appendSpan(ahead []span, b span, request int64) []span {
	if n := len(ahead); n > 0 && ahead[n-1].end() == b.first && ahead[n-1].n+b.n <= request {
		ahead[n-1].n += b.n
		return ahead
	}
	return append(ahead, b.pieces(request)...)
}
