package prefetch

import (
	"slices"
	"strings"
	"time"
	"weak"

	"github.com/zs3fs/zs3fs/s3backend"
)

// sequence is who opens large files in the order of their paths, as those of a table are
// read: several threads, one after another in each directory, perhaps more than once. It says
// which are to be expected next. It is a value without I/O or clock; not safe for concurrent use.
type sequence struct {
	expect []NextFile // after the furthest one that was opened, in order
	passed []string   // were expected before it and not opened: somebody else may be about to
	recent []string   // were opened; the latest last
	run    int        // how many were opened as expected
	opens  int        // so far, of files that were not opened before
	dir    string     // the furthest one's
	widely bool       // files of several directories were opened as expected
	used   time.Time
	ahead  map[string]*preview // by path
	// met are the readers of the latest ones that were opened of these. Who opens a file once
	// for its footer and then for its columns loses nothing meanwhile.
	met    []*Reader
	latest [2]weak.Pointer[watch]
	cost   int64 // bytes that were asked for of the latest one ahead, without its end
}

// preview is a file of which something is fetched ahead of its being opened.
type preview struct {
	reader *Reader
	bytes  int64 // that it may take
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
	// A file ahead that was not opened when so many others were will not be.
	patiencePreviews = 2 * maxPreviews
	maxRecent        = 64
	maxMet           = 4
	// As many queries at once as anybody has.
	maxSequences = 16
)

// newSequence begins with the open of a file, and those that follow it.
func newSequence(path string, following []NextFile) *sequence {
	return &sequence{expect: following, recent: []string{path}, opens: 1, dir: dirOf(path), ahead: make(map[string]*preview)}
}

// knows reports whether path is one of those that are read, or to be expected.
func (s *sequence) knows(path string) bool {
	return s.ahead[path] != nil || s.place(path) >= 0 || slices.Contains(s.passed, path) || slices.Contains(s.recent, path)
}

// place returns where path is among the next ones, or -1.
func (s *sequence) place(path string) int {
	return slices.IndexFunc(s.expect[:min(reachTable, len(s.expect))], func(f NextFile) bool { return f.Path == path })
}

// open notes that a file was opened, which it knows, and which ones follow that.
func (s *sequence) open(path string, following []NextFile) {
	if slices.Contains(s.recent, path) {
		return
	}
	s.run++
	s.opens++
	s.recent = append(s.recent, path)
	s.recent = s.recent[max(len(s.recent)-maxRecent, 0):]
	s.passed = slices.DeleteFunc(s.passed, func(p string) bool { return p == path })
	if i := s.place(path); i >= 0 {
		for _, f := range s.expect[:i] {
			s.passed = append(s.passed, f.Path)
		}
		s.passed = s.passed[max(len(s.passed)-maxPreviews, 0):]
		s.widely = s.widely || dirOf(path) != s.dir
		s.expect, s.dir = following, dirOf(path)
	}
}

// dirOf returns the directory of a path.
func dirOf(path string) string { return path[:strings.LastIndexByte(path, '/')+1] }

// window is how many files may be ahead: two, and twice as many with each that came as expected.
func (s *sequence) window(limit int) int {
	return min(1<<min(s.run, 16), maxPreviews, limit)
}

// next returns the first file that is to be fetched ahead and was not yet. Those of the
// next directory may be another table's.
func (s *sequence) next() (NextFile, bool) {
	for _, f := range s.expect {
		if !s.widely && dirOf(f.Path) != s.dir {
			break
		}
		if s.ahead[f.Path] == nil && !slices.Contains(s.recent, f.Path) {
			return f, true
		}
	}
	return NextFile{}, false
}

// late returns the files ahead that will not be opened any more.
func (s *sequence) late() (paths []string) {
	for path, p := range s.ahead {
		if s.opens-p.opens > patiencePreviews {
			paths = append(paths, path)
		}
	}
	return paths
}

// tabular reports whether its latest files are Parquet's, and read as such: some columns, or
// nothing but the footer.
func (s *sequence) tabular() bool {
	return slices.ContainsFunc(s.latest[:], func(p weak.Pointer[watch]) bool {
		w := p.Value()
		return w != nil && w.tabular()
	})
}
