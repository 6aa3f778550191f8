package catalog

import (
	"math/bits"
	"slices"
	"sync"
	"time"
)

// strays remembers what was asked of the directories in which names are looked up that
// no listing tells of, and says when to ask for the names around them too: 1,000 files
// at random of 100 directories of 200 took 2,000 requests, and take 44. Safe for
// concurrent use; the zero value is ready.
type strays struct {
	mu   sync.Mutex // guards the following
	dirs []*stray   // the latest to be asked of last
}

// stray is a directory, with what was asked of it.
type stray struct {
	dir    string
	peeked bool // a page of the keys below it was asked for, and was not all
	misses int  // names that were asked for since

	dirs   int       // directories in it that were asked for or seen, since:
	named  time.Time // a page of its names was asked for, and has not failed
	noDirs bool      // and showed no directory

	entered bool  // a page of keys told of one of its directories, known by name only
	beside  worth // of the pages that go on behind such a directory
}

const (
	maxStrays = 64
	// manyStrays names cost 400 requests, as many as to list a directory of 400,000.
	manyStrays = 200
	// A directory with more names is not listed for them: one of 100 million would take
	// 3 GB, and an hour.
	strayNames = 2 * manyStrays * pageSize
	// fewDirs directories cost 8 requests; if no other is asked for after the next one,
	// the page of names was one in eleven.
	fewDirs = 4
)

// missed says that a name is to be looked up in dir now. What a page of names tells is
// believed for ttl.
func (s *strays) missed(dir string, now time.Time, ttl time.Duration) around {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.addLocked(dir)
	if !d.peeked {
		d.peeked = true
		if dir != "" {
			return askBelow
		}
		// Below the root is all that there is: seldom a page.
	}
	d.misses++
	switch {
	case d.misses%manyStrays == 0 && bits.OnesCount(uint(d.misses/manyStrays)) == 1:
		// It may be too large: seldomer and seldomer then.
		return askAll
	case d.dirs >= fewDirs && !d.noDirs && (d.named.IsZero() || ttl >= 0 && now.Sub(d.named) >= ttl):
		d.dirs, d.named = 0, now
		return askNames
	}
	return askNothing
}

// found says that a name which missed was told is a directory.
func (s *strays) found(dir string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.findLocked(dir); d != nil {
		d.dirs++
	}
}

// unnamed says that the page of names that missed wanted has not come.
func (s *strays) unnamed(dir string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.findLocked(dir); d != nil {
		d.named = time.Time{}
	}
}

// refreshed says that nothing that was told of path and what is below it is believed.
func (s *strays) refreshed(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.dirs {
		if d.dir == path || below(d.dir, path) {
			d.named, d.noDirs = time.Time{}, false
		}
	}
}

// showed says whether the page of names showed directories.
func (s *strays) showed(dir string, any bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.findLocked(dir); d != nil {
		d.noDirs = !any
	}
}

// peeked says that a page of keys below dir was asked for, whether it was all, and how
// many directories it showed otherwise.
func (s *strays) peeked(dir string, whole bool, dirs int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !whole {
		d := s.addLocked(dir)
		d.peeked = true
		d.dirs += dirs
	} else if d := s.findLocked(dir); d != nil {
		d.peeked, d.misses = false, 0
	}
}

// listed says that dir has a listing.
func (s *strays) listed(dir string) { s.peeked(dir, true, 0) }

// entered says that a page of the keys below dir, which was known by its name only, told
// of them.
func (s *strays) entered(dir string) {
	parent, _ := split(dir)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addLocked(parent).entered = true
}

// goesOn reports whether a page of the keys below dir is to go on behind it: others beside
// it were entered too.
func (s *strays) goesOn(dir string) bool {
	parent, _ := split(dir)
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.findLocked(parent)
	return d != nil && d.entered && d.beside.due()
}

// told takes note of the directories in parent that a page of keys told of, beside the
// one that it was asked for.
func (s *strays) told(parent string, beside reach, keys int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addLocked(parent).beside.took(beside, keys)
}

// denied says that there is no use in pages that go on behind a directory in parent.
func (s *strays) denied(parent string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addLocked(parent).beside.denied()
}

// used takes note that somebody asks for path; key is what the keys below a path start
// with.
func (s *strays) used(path string, key func(path string) string) {
	dir, _ := split(path)
	if dir == "" {
		return // nothing is beside the root
	}
	parent, _ := split(dir)
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.findLocked(parent); d != nil && d.entered {
		d.beside.used(key(dir))
	}
}

func (s *strays) findLocked(dir string) *stray {
	for _, d := range s.dirs {
		if d.dir == dir {
			return d
		}
	}
	return nil
}

// addLocked returns what is known of dir, which is the latest then.
func (s *strays) addLocked(dir string) *stray {
	d := s.findLocked(dir)
	switch {
	case d != nil:
		s.dirs = slices.DeleteFunc(s.dirs, func(o *stray) bool { return o == d })
	case len(s.dirs) == maxStrays:
		s.dirs = slices.Delete(s.dirs, 0, 1)
	}
	if d == nil {
		d = &stray{dir: dir}
	}
	s.dirs = append(s.dirs, d)
	return d
}
