package catalog

import (
	"hash/maphash"
	"strings"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
)

// sweep makes listings of all the directories that a run of keys covers wholly: one
// LIST without delimiter tells of many small ones. It has no I/O, clock or
// goroutine.
type sweep struct {
	rules rules
	seed  maphash.Seed
	ttl   time.Duration
	after string // the run begins behind this key; it is inside of the uncovered ones
	asked time.Time
	last  string // the latest key
	// open are the directories that the latest key lies in, outermost first.
	open []*opened
	// done receives each listing.
	done func(path string, l *Listing)
}

// opened is a directory of which more may come.
type opened struct {
	m    *mapping
	path string
	// partly: keys of it may lie before the run.
	partly bool
}

// add takes the next key below the scope; it must come in order.
func (s *sweep) add(e s3backend.Entry) error {
	key := e.Object.Key
	if key <= s.last || key <= s.after {
		return &s3backend.OpError{Op: "list", Key: key, Err: s3backend.ErrBadAnswer}
	}
	s.last = key
	s.leave(key)
	if len(s.open) == 0 {
		return &s3backend.OpError{Op: "list", Key: key, Err: s3backend.ErrBadAnswer}
	}
	for {
		in := s.open[len(s.open)-1]
		name, _, dir := strings.Cut(key[len(in.m.prefix):], "/")
		if !dir {
			return in.m.add(e)
		}
		sub := key[:len(in.m.prefix)+len(name)+1]
		if err := in.m.add(s3backend.Entry{Object: s3backend.Object{Key: sub}, Dir: true}); err != nil {
			return err
		}
		called, kind := s.rules.names.classify(name, s.rules.nameMax)
		if kind != named {
			return nil // hidden, with all that is below
		}
		s.enter(sub, strings.TrimPrefix(in.path+"/"+called, "/"))
	}
}

// enter opens a directory, by what its keys start with and its path.
func (s *sweep) enter(prefix, path string) {
	m := newMapping(prefix, s.rules, s.seed)
	m.rules.root = path == ""
	m.out.asked, m.out.ttl = s.asked, s.ttl
	s.open = append(s.open, &opened{m: m, path: path, partly: s.after != "" && s.after >= prefix})
}

// leave ends the directories that key does not lie in.
func (s *sweep) leave(key string) {
	for n := len(s.open); n > 0 && !strings.HasPrefix(key, s.open[n-1].m.prefix); n-- {
		s.close()
	}
}

// end says that no key follows in the scope.
func (s *sweep) end() {
	for len(s.open) > 0 {
		s.close()
	}
}

// close ends the innermost directory.
func (s *sweep) close() {
	in := s.open[len(s.open)-1]
	s.open = s.open[:len(s.open)-1]
	if l := in.m.finish(); !in.partly && l.found {
		s.done(in.path, l)
	}
}
