package asof

import (
	"strings"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
)

// scan turns all versions below a prefix, in order, into the entries of one level:
// a value without I/O.
type scan struct {
	at     time.Time
	prefix string
	deep   bool // every key, and no common prefixes

	decided string // the key whose version is known
	group   string // the common prefix that was given last
}

// next takes the next version, and returns an entry if it makes one.
func (s *scan) next(v s3backend.Version) (s3backend.Entry, bool) {
	key := v.Object.Key
	if s.group != "" && strings.HasPrefix(key, s.group) || key == s.decided || v.Object.ModTime.After(s.at) {
		return s3backend.Entry{}, false
	}
	s.decided = key
	if v.Deleted {
		return s3backend.Entry{}, false
	}
	rest := strings.TrimPrefix(key, s.prefix)
	if i := strings.IndexByte(rest, '/'); i >= 0 && !s.deep {
		s.group = s.prefix + rest[:i+1]
		return s3backend.Entry{Object: s3backend.Object{Key: s.group}, Dir: true}, true
	}
	return s3backend.Entry{Object: v.Object}, true
}

// resume returns where to go on instead of at next. Keys are UTF-8, so that the
// highest character is behind all of a group but those that begin with it; what
// comes of those is passed over by next.
func (s *scan) resume(next s3backend.VersionMark) s3backend.VersionMark {
	if s.group != "" && strings.HasPrefix(next.Key, s.group) {
		if end := s.group + "\U0010FFFF"; end > next.Key {
			return s3backend.VersionMark{Key: end}
		}
	}
	return next
}
