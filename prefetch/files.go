package prefetch

import (
	"errors"
	"io/fs"
	"slices"
	"sync"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
)

// Files fetches the next small files of a directory ahead of readers who go
// through it, or through those beside it, and of large files what is read first of the
// next ones: of Parquet's the footer and columns, of others the beginning. All methods
// may be called concurrently; none does I/O.
//
// A file that is fetched ahead is held open until its reader opens it, so that
// its bytes stay in memory, with or without a disk to keep them. Together they
// take at most a quarter of the memory, and those of a sequence, where there is a
// disk, what is left of all of it; whoever waits for memory may take theirs, and others
// those that are on disk.
type Files struct {
	crew  *Crew
	limit int
	room  int64 // bytes

	mu        sync.Mutex // guards the following
	dirs      map[string]*directory
	sequences []*sequence
	held      int64 // bytes of the files ahead
	paused    time.Time
	// trusted until then: a directory was read to its end, and no guess was wasted
	// since.
	trusted time.Time
	// run is how many files a sequence needs to be believed: more after some that were not.
	run    int
	stats  FilesStats
	closed bool
	timer  *time.Timer // runs while anything is followed
	ticks  sync.WaitGroup
}

// directory is one whose files are being opened.
type directory struct {
	list  Listing
	walk  walk
	ahead map[int]*Reader // by place
	used  time.Time
	kinds []kind // kindsKept, once there is one
}

// kind is what a walk asks of a file again and again, and a listing takes a while
// to tell.
type kind struct {
	place  int // and one
	suffix string
	small  bool
}

// kindsKept are more than a walk looks at around an open.
const kindsKept = 2 * scanFiles

func (d *directory) kind(place int) (suffix string, small bool) {
	if d.kinds == nil {
		d.kinds = make([]kind, kindsKept)
	}
	k := &d.kinds[place%kindsKept]
	if k.place != place+1 {
		o, ok := d.list.File(place)
		*k = kind{place + 1, suffixOf(o.Key), ok && 0 < o.Size && o.Size <= SmallFile}
	}
	return k.suffix, k.small
}

// FilesStats counts files fetched ahead.
type FilesStats struct {
	Guessed int64 // asked for before they were opened
	Useful  int64 // of these, were opened
	Wasted  int64 // of these, were not in time; some may have been cached already
	Failed  int64 // of these, could not be fetched; no open or read fails for that
	Ahead   int64 // as of now: not opened yet
	// AheadBytes is the sum of their sizes, or of what is fetched of large ones.
	AheadBytes int64
}

const (
	// Directories in which files are being opened; the one longest without an open
	// makes place for the next.
	maxDirectories = 16
	// After a guess has failed, nothing is guessed for so long: a server that fails
	// must not be asked by everybody at once.
	pauseFiles = time.Second
)

// SmallFile is how many bytes a file has at most that comes in one request; see smallBlocks.
const SmallFile = 4 << 20

// NewFiles returns one that fetches at most limit files of a directory ahead; with 0, or a
// crew of one connection, it does nothing. It must be closed before the crew.
func NewFiles(crew *Crew, limit int) *Files {
	if !crew.guesses() {
		limit = 0
	}
	return &Files{crew: crew, limit: limit, room: crew.cfg.Memory.Limit() / 4, dirs: make(map[string]*directory), run: 1}
}

// Opened says that a reader has opened a file of dir, of which list is the latest
// listing; nil is the one of the last call, if that was not long ago. cached says
// that all of the file was on disk. What was fetched ahead of it must be open
// elsewhere by now, or is lost. It reports whether the last opens followed the
// order of the listing.
func (f *Files) Opened(dir string, list Listing, name string, cached bool) (followed bool) {
	if f.limit <= 0 {
		return false
	}
	now := time.Now()
	room := f.crew.cfg.Memory.Room()
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return false
	}
	d, drop := f.enterLocked(dir, list, now)
	if d == nil {
		f.mu.Unlock()
		return false
	}
	list = d.list
	place, ok := list.Place(name)
	if !ok { // it is new
		f.mu.Unlock()
		closeAll(drop)
		return false
	}
	room = min(room, f.room-f.held)
	plan := d.walk.open(now, place, cached, folder{
		files: list.Len(),
		kind:  d.kind,
		room: func(i int) bool {
			o, _ := list.File(i)
			room -= o.Size
			return room >= 0 && !now.Before(f.paused)
		},
	})
	if r := d.ahead[place]; r != nil {
		f.stats.Useful++
		drop = append(drop, f.letGoLocked(d, place))
	}
	drop = append(drop, f.wasteLocked(d, plan.unread)...)
	if plan.complete {
		f.trusted = now.Add(walkIdle)
	}
	ahead := f.aheadLocked(d, plan.ahead)
	f.mu.Unlock()
	for _, r := range ahead {
		l := r.detector.limits
		f.crew.guess(r, 0, (span{0, l.blocks}).pieces(l.request))
	}
	closeAll(drop)
	return plan.followed
}

// enterLocked returns the directory at path, as listed; nil when nobody knows how
// that is. When it has changed, a new walk begins, as the places are others.
func (f *Files) enterLocked(path string, list Listing, now time.Time) (*directory, []*Reader) {
	var drop []*Reader
	d := f.dirs[path]
	if list == nil {
		if d == nil {
			return nil, nil
		}
		list = d.list
	}
	if d != nil && !sameFiles(d.list, list) {
		drop = f.forgetLocked(path)
		d = nil
	}
	if d != nil && list.Len() < d.list.Len() {
		// Of one under way, and by now there is more of it: the walk knows places beyond.
		list = d.list
	}
	if d == nil {
		if len(f.dirs) == maxDirectories {
			var oldest string
			for p, d := range f.dirs {
				if oldest == "" || d.used.Before(f.dirs[oldest].used) {
					oldest = p
				}
			}
			drop = append(drop, f.forgetLocked(oldest)...)
		}
		d = &directory{walk: newWalk(f.limit, now.Before(f.trusted)), ahead: make(map[int]*Reader)}
		f.dirs[path] = d
	}
	d.list, d.used = list, now
	f.tickLocked()
	return d, drop
}

// aheadLocked opens what is to be fetched.
func (f *Files) aheadLocked(d *directory, places []int) []*Reader {
	var ahead []*Reader
	for _, place := range places {
		o, _ := d.list.File(place)
		if d.ahead[place] != nil {
			continue
		}
		r := f.crew.Open(o)
		r.party, r.failed = d, func(err error) {
			f.failed(r, err, func() bool {
				ahead := d.ahead[place] == r
				if ahead {
					f.letGoLocked(d, place)
				}
				return ahead
			})
		}
		d.ahead[place] = r
		f.held += o.Size
		f.stats.Guessed++
		ahead = append(ahead, r)
	}
	return ahead
}

// letGoLocked takes a file off those ahead; the caller closes it.
func (f *Files) letGoLocked(d *directory, place int) *Reader {
	r := d.ahead[place]
	delete(d.ahead, place)
	f.held -= r.Object().Size
	return r
}

func (f *Files) wasteLocked(d *directory, places []int) []*Reader {
	var drop []*Reader
	for _, place := range places {
		if d.ahead[place] != nil {
			f.stats.Wasted++
			f.trusted = time.Time{}
			drop = append(drop, f.letGoLocked(d, place))
		}
	}
	return drop
}

// forgetLocked ends the walk of a directory.
func (f *Files) forgetLocked(path string) []*Reader {
	d := f.dirs[path]
	delete(f.dirs, path)
	var places []int
	for place := range d.ahead {
		places = append(places, place)
	}
	return f.wasteLocked(d, places)
}

// pauseLocked stops guessing for a while, as a guess has failed. That the object has gone or
// has changed since it was listed says nothing about the others.
func (f *Files) pauseLocked(err error) {
	if !errors.Is(err, s3backend.ErrChanged) && !errors.Is(err, fs.ErrNotExist) {
		f.paused = time.Now().Add(pauseFiles)
	}
}

// failed is told that a guess of a file ahead has failed. takeLocked takes the file off those
// ahead; false where it is none any more, and counted already.
func (f *Files) failed(r *Reader, err error, takeLocked func() bool) {
	f.mu.Lock()
	f.pauseLocked(err)
	taken := takeLocked()
	if taken {
		f.stats.Failed++
	}
	f.mu.Unlock()
	if taken {
		r.Close()
	}
}

// tickLocked sees to it that walks end when nothing is opened any more.
func (f *Files) tickLocked() {
	if f.timer != nil {
		return
	}
	f.ticks.Add(1)
	f.timer = time.AfterFunc(walkIdle, func() {
		defer f.ticks.Done()
		f.tick(time.Now())
	})
}

func (f *Files) tick(now time.Time) {
	var drop []*Reader
	f.mu.Lock()
	f.timer = nil
	for path, d := range f.dirs {
		drop = append(drop, f.wasteLocked(d, d.walk.idle(now))...)
		if now.Sub(d.used) >= walkIdle {
			drop = append(drop, f.forgetLocked(path)...)
		}
	}
	for _, s := range slices.Clone(f.sequences) {
		if now.Sub(s.used) >= walkIdle {
			drop = append(drop, f.leaveLocked(s)...)
		}
	}
	if len(f.dirs)+len(f.sequences) > 0 && !f.closed {
		f.tickLocked()
	}
	f.mu.Unlock()
	closeAll(drop)
}

// Stats returns the counters as of now.
func (f *Files) Stats() FilesStats {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.stats
	s.AheadBytes = f.held
	for _, d := range f.dirs {
		s.Ahead += int64(len(d.ahead))
	}
	for _, q := range f.sequences {
		s.Ahead += int64(len(q.ahead))
	}
	return s
}

// Close gives up what is ahead, and waits for what runs.
func (f *Files) Close() error {
	var drop []*Reader
	f.mu.Lock()
	f.closed = true
	for path := range f.dirs {
		drop = append(drop, f.forgetLocked(path)...)
	}
	for len(f.sequences) > 0 {
		drop = append(drop, f.leaveLocked(f.sequences[0])...)
	}
	if f.timer != nil && f.timer.Stop() {
		f.ticks.Done()
	}
	f.mu.Unlock()
	f.ticks.Wait()
	closeAll(drop)
	return nil
}

func closeAll(readers []*Reader) {
	for _, r := range readers {
		r.Close()
	}
}
