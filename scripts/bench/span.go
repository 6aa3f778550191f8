package main

// span is a range of bytes of a file.
type span struct{ Off, Len int64 }

// pieces cuts spans into requests of at most n bytes; adjacent spans share one.
func pieces(spans []span, n int64) []span {
	var out []span
	for _, s := range spans {
		if i := len(out) - 1; i >= 0 && out[i].Off+out[i].Len == s.Off {
			room := min(n-out[i].Len, s.Len)
			out[i].Len += room
			s = span{s.Off + room, s.Len - room}
		}
		for s.Len > 0 {
			m := min(n, s.Len)
			out = append(out, span{s.Off, m})
			s = span{s.Off + m, s.Len - m}
		}
	}
	return out
}

// blocks returns the number of blocks of the given size that the spans touch.
func blocks(spans []span, size int64) int64 {
	seen := make(map[int64]struct{})
	for _, s := range spans {
		for b := s.Off / size; b*size < s.Off+s.Len; b++ {
			seen[b] = struct{}{}
		}
	}
	return int64(len(seen))
}
