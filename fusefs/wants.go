package fusefs

import "sync"

// wants finds out whether those who read directories want the attributes of the files
// in them: with each of them comes an inode, and of a million names that is half a
// gigabyte. What the kernel has been given it does not ask for, so that nothing shows
// whether anybody looked at it. So after many files that were given one directory
// comes without, as a probe. If a file in it is looked up by itself attributes go on
// being given; if none is until the next few directories have been read, none are
// given until that happens. Subdirectories always come with theirs: who walks wants
// them. It is a value without I/O or clock; safe for concurrent use.
type wants struct {
	mu    sync.Mutex // guards the following
	given int        // files that came with attributes since somebody was seen to want them
	// probing: a directory has come without.
	probing bool
	read    int // directories read to their end since
	// none: nobody wants any.
	none bool
}

const (
	// A probe costs a request of the kernel's for each file of a directory that is
	// wanted: of directories of 100 files, one in 200.
	probeAfter = 20_000
	// find looks at the files of a directory when it has read all of it; a thread or
	// two may do so at once.
	probeFor = 8
)

// plain reports whether a directory that is about to be read is to come without
// attributes of its files: what it lists answers for them.
func (w *wants) plain() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.none:
		return true
	case w.probing || w.given < probeAfter:
		return false
	}
	w.probing, w.read = true, 0
	return true
}

// ended takes note of a directory read to its end, and of the files in it that came
// with attributes.
func (w *wants) ended(given int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.given += given
	if w.probing {
		w.read++
		w.none = w.read > probeFor
		w.probing = !w.none
	}
}

// missed takes note that a file was looked up by itself in a directory that came
// without attributes.
func (w *wants) missed() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.given, w.probing, w.none = 0, false, false
}
