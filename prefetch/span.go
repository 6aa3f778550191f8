package prefetch

// span is a run of blocks.
type span struct{ first, n int64 }

func (s span) end() int64 { return s.first + s.n }

func (s span) overlaps(t span) bool { return s.first < t.end() && t.first < s.end() }

// pieces cuts s at the multiples of size, so that no piece is longer than size
// and readers who come from different places cut alike.
func (s span) pieces(size int64) []span {
	var out []span
	for first := s.first; first < s.end(); {
		end := min(first/size*size+size, s.end())
		out = append(out, span{first, end - first})
		first = end
	}
	return out
}
