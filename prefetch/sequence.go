package prefetch

import (
	"slices"
	"strings"
	"time"
	"weak"

	"github.com/zs3fs/zs3fs/s3backend"
)

// sequence is who opens files in the order of their paths, as those of a table are read:
// several threads, one file after another in each directory, perhaps more than once. It says
// which are to be expected next. It is a value without I/O or clock; not safe for concurrent use.
type sequence struct {
	expect []NextFile // after the furthest one that was opened, in order
	passed []passed   // were expected before it and not opened
	recent []visited  // were opened; the latest last
	run    int        // how many were opened in order, since one ahead was not opened
	opens  int        // so far, of files that were not opened before
	dir    string     // the furthest one's
	// root is the directory below which all lie that were opened; what follows behind it may
	// be another table's. crossed counts how often the next one was in another directory.
	root    string
	crossed int
	used    time.Time
	ahead   map[string]*preview // by path
	// met are the readers of the latest ones that were opened of these. Who opens a file once
	// for its footer and then for its columns loses nothing meanwhile.
	met    []*Reader
	latest []weak.Pointer[watch] // of the files that were opened, the latest last
	cost   int64                 // bytes that were asked for of the latest one ahead, without its end
}

// visited is a file that was opened.
type visited struct {
	path string
	at   time.Time // the last time
}

// passed is a file that was passed over: another thread may be about to open it.
type passed struct {
	path  string
	opens int // the sequence's then
}

// preview is a file of which something is fetched ahead of its being opened.
type preview struct {
	reader *Reader
	bytes  int64 // that it may take; 0 once it is ahead no more
	head   int64 // blocks of its beginning that are fetched; 0 where its end is first
	looks  int   // at its footer; a second one once it is known what to expect
	opens  int   // the sequence's when it was asked for
}

// NextFile is a file that comes after another one.
type NextFile struct {
	Path   string
	Object s3backend.Object
}

const (
	// So far beyond the furthest file the next one may be.
	reachTable = 8
	// maxPreviews is how many files are fetched ahead at most, and what is asked of the order of
	// paths: two lists of that.
	maxPreviews = 16
	// A file ahead, or passed over, that was not opened when so many others were will not be.
	patiencePreviews = 2 * maxPreviews
	// Who opens a file again that so many were opened after begins anew: with the columns,
	// perhaps, when he has read all the footers.
	maxRecent = 16
	maxPassed = 64
	maxMet    = 4
	maxLatest = 8
	// Of so many files nothing need have been read yet but footers.
	fewFiles = 3
	// Of files that are read to their ends one after another, no more blocks are fetched ahead,
	// and freeBlocks for who has not waited in the last ones (16 of 64 MiB, 20 ms, 80 MB/s a
	// connection: 541 and 569 MB/s with 32, 594 and 637 with 64, 583 and 611 with 96).
	headBlocks = 2 * freeBlocks
	// The next file of a directory read in random order lies in another one once in a while,
	// where they are small.
	partitionCrossings = 2
	// As many queries at once as anybody has.
	maxSequences = 16
)

// newSequence begins with the open of a file, and those that follow it.
func newSequence(now time.Time, path string, following []NextFile) *sequence {
	dir := dirOf(path)
	return &sequence{expect: following, recent: []visited{{path, now}}, opens: 1, dir: dir, root: dir, used: now, ahead: make(map[string]*preview)}
}

// expects reports whether path is one of those that may be opened next.
func (s *sequence) expects(path string) bool {
	return s.ahead[path] != nil || s.place(path) >= 0 || slices.ContainsFunc(s.passed, func(p passed) bool { return p.path == path })
}

// place returns where path is among the next ones, or -1.
func (s *sequence) place(path string) int {
	return slices.IndexFunc(s.expect[:min(reachTable, len(s.expect))], func(f NextFile) bool { return f.Path == path })
}

// opened returns when path was opened, nil where that was not just now: who opens it now
// begins anew.
func (s *sequence) opened(now time.Time, path string) *visited {
	for i := range s.recent {
		if v := &s.recent[i]; v.path == path && now.Sub(v.at) <= idleTime {
			return v
		}
	}
	return nil
}

// open notes that a file was opened, which is expected or was opened just now, and which ones
// follow that.
func (s *sequence) open(now time.Time, path string, following []NextFile) {
	s.used = now
	if v := s.opened(now, path); v != nil {
		v.at = now
		return
	}
	s.opens++
	s.recent = append(slices.DeleteFunc(s.recent, func(v visited) bool { return v.path == path }), visited{path, now})
	s.recent = s.recent[max(len(s.recent)-maxRecent, 0):]
	i, late := s.place(path), false
	s.passed = slices.DeleteFunc(s.passed, func(p passed) bool {
		late = late || p.path == path
		return p.path == path || s.opens-p.opens > patiencePreviews
	})
	if i == 0 || s.ahead[path] != nil || late { // else it was there by chance, or others are left out
		s.run++
	}
	if i >= 0 {
		for _, f := range s.expect[:i] {
			if s.opened(now, f.Path) == nil {
				s.passed = append(s.passed, passed{f.Path, s.opens})
			}
		}
		s.passed = s.passed[max(len(s.passed)-maxPassed, 0):]
		if dir := dirOf(path); dir != s.dir {
			s.dir = dir
			s.crossed++
			for !strings.HasPrefix(dir, s.root) {
				s.root = dirOf(strings.TrimSuffix(s.root, "/"))
			}
		}
		s.expect = following
	}
}

// ordered reports whether so many files were opened in order: threads take them out of
// turn and leave none out, for long.
func (s *sequence) ordered(run int) bool { return s.run >= run && len(s.passed) <= s.run/2 }

// dirOf returns the directory of a path.
func dirOf(path string) string { return path[:strings.LastIndexByte(path, '/')+1] }

// window is how many files may be ahead: one, and twice as many with each that was opened in
// order, up to twice as many as that were. (Twice as many without end had no whole table read
// faster, and queries that stop early, as of LIMIT, twice the bytes in vain.)
func (s *sequence) window(limit int) int {
	return min(1<<min(s.run, 16)/2, 2*s.run, maxPreviews, limit)
}

// next returns the first file of those that are wanted that is to be fetched ahead and was
// not yet.
func (s *sequence) next(wanted func(NextFile) bool) (NextFile, bool) {
	for _, f := range s.expect {
		if !strings.HasPrefix(f.Path, s.root) {
			break
		}
		if s.ahead[f.Path] == nil && s.opened(s.used, f.Path) == nil && wanted(f) {
			return f, true
		}
	}
	return NextFile{}, false
}

// partitioned reports whether its directories are as small as a table's partitions may be: the
// files of larger ones are followed by a walk of each.
func (s *sequence) partitioned() bool { return s.crossed >= partitionCrossings }

// late returns the files ahead that will not be opened any more, and begins anew where there
// are any: who reads every so many-th file, or any, finds none ahead of him.
func (s *sequence) late() (paths []string) {
	for path, p := range s.ahead {
		if s.opens-p.opens > patiencePreviews {
			paths = append(paths, path)
			s.run = 0
		}
	}
	return paths
}

// meet notes whose file was opened.
func (s *sequence) meet(w *watch) {
	p := weak.Make(w)
	if slices.Contains(s.latest, p) {
		return
	}
	s.latest = append(s.latest, p)
	s.latest = s.latest[max(len(s.latest)-maxLatest, 0):]
}

// tabular reports whether any of its latest files is Parquet's, and read as such: some
// columns, or nothing but the footer.
func (s *sequence) tabular() bool { return s.lately((*watch).tabular) }

// picks reports whether columns of its latest files were read, or are to be hoped for as there
// were only few files yet.
func (s *sequence) picks() bool { return len(s.latest) <= fewFiles || s.lately((*watch).picked) }

// lately reports whether one of its latest files is so.
func (s *sequence) lately(so func(*watch) bool) bool {
	return slices.ContainsFunc(s.latest, func(p weak.Pointer[watch]) bool {
		w := p.Value()
		return w != nil && so(w)
	})
}

// whole returns how many blocks are to be fetched ahead of who reads file after file to its
// end; 0 of somebody else.
func (s *sequence) whole() int64 {
	window := int64(0)
	for _, p := range s.latest {
		if w := p.Value(); w != nil {
			window = max(window, w.whole())
		}
	}
	if window == 0 {
		return 0
	}
	return min(max(window, freeBlocks), headBlocks)
}

// unbegun returns how many blocks of beginnings were fetched of the latest files, but for the one
// that is being opened, and not come for. Who opens many files before he reads them would have
// memory filled with these, which no guess may take, and be read ahead of nowhere.
func (s *sequence) unbegun(but *watch) (n int64) {
	for _, p := range s.latest {
		if w := p.Value(); w != nil && w != but {
			n += w.head()
		}
	}
	return n
}

// heads returns how many bytes of beginnings are ahead.
func (s *sequence) heads() (n int64) {
	for _, p := range s.ahead {
		if p.head > 0 {
			n += p.bytes
		}
	}
	return n
}
