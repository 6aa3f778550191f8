package prefetch

// span is a run of blocks.
type span struct{ first, n int64 }

func (s span) end() int64 { return s.first + s.n }

func (s span) overlaps(t span) bool { return s.first < t.end() && t.first < s.end() }

// pieces cuts s, where it is longer than size, at the multiples of size, so that
// readers who come from different places cut alike.
func (s span) pieces(size int64) []span {
	if s.n <= size {
		return []span{s}
	}
	var out []span
	for first := s.first; first < s.end(); {
		end := min(first/size*size+size, s.end())
		out = append(out, span{first, end - first})
		first = end
	}
	return out
}
