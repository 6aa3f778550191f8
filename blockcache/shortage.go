package blockcache

import "time"

const (
	// freeCheck is how often the file system is asked for its free space.
	freeCheck = time.Second
	// settling is how long freed space may not show. ZFS frees in the next
	// transaction group, 5 s, and gives the space out two groups later.
	settling = 15 * time.Second
)

// shortage keeps a minimum of the file system's space free for others: it decides
// what may be written, and how much is to be evicted when others have taken what
// was left. A pure value, given the time.
//
// What was evicted shortly before is taken off, because it may not show yet:
// otherwise the same shortage would be evicted again at every look.
type shortage struct {
	checked time.Time
	left    int64 // may be written until the next look
	debt    int64 // is to be evicted until then
	recent  []freed
	unseen  int64 // freed since the last look
}

type freed struct {
	at    time.Time
	bytes int64
}

// due reports whether it is time to look; true means that the caller does.
func (s *shortage) due(now time.Time) bool {
	if !s.checked.IsZero() && now.Sub(s.checked) < freeCheck {
		return false
	}
	s.checked = now
	return true
}

// look takes what the file system says: so many bytes are free beyond the
// minimum, or missing.
func (s *shortage) look(now time.Time, beyond int64) {
	if s.unseen > 0 {
		s.recent = append(s.recent, freed{now, s.unseen})
		s.unseen = 0
	}
	for len(s.recent) > 0 && now.Sub(s.recent[0].at) > settling {
		s.recent = s.recent[1:]
	}
	s.left, s.debt = beyond, -beyond
	for _, f := range s.recent {
		s.debt -= f.bytes
	}
}

// write asks for n bytes: they fit, or else as much may be due for eviction.
func (s *shortage) write(n int64) (fits, evict bool) {
	if s.left >= n {
		s.left -= n
		return true, false
	}
	return false, s.debt > 0
}

// freed takes note of evicted bytes.
func (s *shortage) freed(n int64) {
	s.unseen += n
	s.debt -= n
}
