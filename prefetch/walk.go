package prefetch

import (
	"slices"
	"time"
)

// walk sees which files of one directory are opened, by their places in its
// listing, and says which to fetch ahead: what a detector is to the blocks of a
// file. Like that it is a value without I/O, clock or goroutine, and not safe for
// concurrent use.
//
// A trail is a run of opens that go up the listing: by one reader or by several
// that share it, of every file or of some that have a pattern (one suffix, every
// n-th). It is believed once so many opens lie in order as are needed, and then
// files are fetched ahead of it: one, and twice as many with each that is opened.
// What several readers do together is seen by lanes, which lead where trails do badly.
type walk struct {
	limit  int // most files ahead, of all trails together
	trails []trail
	opens  int // so far, small files or not, but for those of one just opened
	// run is how many opens in a row make a trail: more after some that did not.
	run int
	// trusted: the directory before this one was read to its end, so that this one
	// is expected to be if it is begun at its beginning.
	trusted bool
	used    time.Time // the latest open that lanes counted
	lanes   lanes     // while these lead there are no trails
	score   score     // of who follows
	doubt   int       // opens that lanes must have seen to be believed
}

// newWalk returns the walk of a directory in which nothing was opened yet.
func newWalk(limit int, trusted bool) walk {
	w := walk{limit: limit, run: firstRun, trusted: trusted}
	if trusted {
		w.run = firstRun - 1
	}
	return w
}

// In files.
const (
	// The second open that goes on where another was makes a trail; guesses that
	// nobody wanted double that. The files of a directory read in random order lie
	// side by side once in a while, but not six in a row.
	firstRun, longestRun = 3, 24
	// Readers who share a list, and those who sort it as their language does, open
	// its files out of order, within this distance.
	reorderFiles = 32
	// An open so far beyond the last one still belongs to the trail.
	reachFiles = 20
	// A trail is left when so many files were opened elsewhere, for each trail, or
	// out of order.
	patienceFiles = 32
	// Further than this nobody looks for the next file that has the pattern.
	scanFiles = 1024
	// Who has read the directory before to its end waits for the first file of this
	// one, and for no other of a small one.
	trustedWindow = 4
	// Readers who have a part of the list each: as many trails.
	maxTrails = 16
)

// walkIdle ends a trail. What was fetched ahead is on disk by then, so that it
// costs a reader who takes so long for a file little.
const walkIdle = 30 * time.Second

// folder is what a walk must know of a directory.
type folder struct {
	files int
	// kind returns a file's suffix, and whether it is small enough to be fetched
	// ahead. Directories and the like are not.
	kind func(place int) (suffix string, small bool)
	// room reports whether memory has room for one more file ahead.
	room func(place int) bool
}

// filePlan is what a walk has to say about an open, in places of the listing.
type filePlan struct {
	ahead  []int // to fetch on a guess, in this order
	unread []int // guesses that nobody will read any more
	useful bool  // the opened file was one
	// followed says that the last opens were in order, complete that they were so
	// to the last file.
	followed, complete bool
}

// open is told that a file was opened, and says what to fetch. cached says that
// nothing had to be fetched for it, by a guess or otherwise: then no more is
// guessed until that changes.
func (w *walk) open(now time.Time, place int, cached bool, d folder) filePlan {
	var p filePlan
	w.leave(&p, now)
	opens := w.lanes.opens
	fits := w.lanes.see(place, d)
	first := w.lanes.opens != opens
	if first {
		w.used = now
	}
	if w.inLanes(&p) {
		p.followed = fits
		w.lanes.lead(&p, place, cached, d)
	} else {
		w.follow(&p, now, place, cached, d)
		for range p.unread {
			w.score.add(false)
		}
	}
	if first && (p.useful || !cached) {
		w.score.add(p.useful)
	}
	return p
}

// inLanes reports whether readers are followed as lanes: from when these are believed
// and trails do not follow well, until lanes follow badly. They take over what trails asked for.
func (w *walk) inLanes(p *filePlan) bool {
	l := &w.lanes
	switch {
	case l.leads && l.batch == 0: // begun anew
		p.unread = append(p.unread, l.giveUp()...)
	case l.leads && w.score.hits() < poorScore:
		p.unread = append(p.unread, l.giveUp()...)
		w.doubt = max(2*w.doubt, firstDoubt)
	case !l.leads && l.believed() && w.score.hits() < goodScore && l.opens >= w.doubt:
		var asked []int
		for i := range w.trails {
			asked = append(asked, w.trails[i].asked...)
		}
		l.begins(asked, w.limit)
		w.trails, w.score = nil, fullScore
	}
	return l.leads
}

// firstDoubt is how many opens lanes must have seen to be believed anew after they led
// wrongly; twice as many each time.
const firstDoubt = 256

// follow follows trails.
func (w *walk) follow(p *filePlan, now time.Time, place int, cached bool, d folder) {
	t := w.match(place)
	// Who looks at a file's head first, and then has it opened by name, is where he was:
	// OpenCV's imread opens each twice.
	again := t != nil && t.met(place)
	if !again {
		w.opens++
	}
	if t == nil {
		t = w.begin(p, place)
	}
	t.used, t.serial = now, w.opens
	p.useful = w.take(place)
	t.quiet = cached && !p.useful
	if !again {
		t.visit(place, w.opens, d)
	}
	step := t.pattern(w.run, d)
	if w.trusted && w.opens == 1 && place < scanFiles && t.next(0, place+1, d) == place {
		step, t.window = 1, trustedWindow
	}
	if t.astray++; step > 0 && !again {
		t.step, t.astray = step, 0
	}
	if unread := t.passed(); len(unread) > 0 {
		p.unread = append(p.unread, unread...)
		w.disappointed(t)
	}
	// In a small directory much that is guessed is opened some time, in any order:
	// that says nothing.
	if p.followed = step > 0; !p.followed || t.step == 0 {
		return
	}
	switch {
	case t.window == 0:
		t.window = 1
	case p.useful:
		// No more than were opened so far: who stops now has wasted half at most.
		t.window = max(min(2*t.window, t.opened), t.window)
		if t.useful++; t.useful >= firstRun {
			w.run = firstRun
		}
	}
	if !t.quiet {
		t.window = min(t.window, max(w.limit/w.active(), 1))
		p.ahead = t.topUp(w.before(t, d.files), w.limit-w.ahead(), w.asked, d)
	}
	p.complete = d.files-t.front <= scanFiles && len(t.asked) == 0 && t.opened >= firstRun && t.next(t.front+1, d.files, d) == d.files
}

// before returns where the files end that are t's: where the directory does, or
// another has begun.
func (w *walk) before(t *trail, end int) int {
	for i := range w.trails {
		if o := &w.trails[i]; o.step > 0 && o.start > t.front {
			end = min(end, o.start)
		}
	}
	return end
}

// idle forgets the trails on which nothing was opened for walkIdle, and returns
// what was asked for ahead of them.
func (w *walk) idle(now time.Time) []int {
	var p filePlan
	w.leave(&p, now)
	return p.unread
}

// leave forgets lanes and trails that their readers have left.
func (w *walk) leave(p *filePlan, now time.Time) {
	if now.Sub(w.used) > walkIdle {
		p.unread = append(p.unread, w.lanes.giveUp()...)
	}
	patience := patienceFiles * max(w.active(), 1)
	for i := 0; i < len(w.trails); i++ {
		t := &w.trails[i]
		if t.step > 0 && (w.opens-t.serial > patience || t.astray > patienceFiles) || now.Sub(t.used) > walkIdle {
			w.remove(p, i)
			i--
		}
	}
}

// match returns the trail that an open goes on with: the nearest.
func (w *walk) match(place int) *trail {
	var best *trail
	for i := range w.trails {
		t := &w.trails[i]
		if !t.reaches(place) {
			continue
		}
		if best == nil || distance(place, t.front) < distance(place, best.front) {
			best = t
		}
	}
	return best
}

func distance(a, b int) int { return max(a-b, b-a) }

// begin makes a trail, in the place of the one that was longest without an open if
// there are too many.
func (w *walk) begin(p *filePlan, place int) *trail {
	if len(w.trails) == maxTrails {
		oldest := 0
		for i := range w.trails {
			t, o := &w.trails[i], &w.trails[oldest]
			if (t.step > 0) == (o.step > 0) && t.serial < o.serial || t.step == 0 && o.step > 0 {
				oldest = i
			}
		}
		w.remove(p, oldest)
	}
	w.trails = append(w.trails, trail{start: place, front: place, edge: place + 1, habits: map[string]habit{}})
	return &w.trails[len(w.trails)-1]
}

func (w *walk) remove(p *filePlan, i int) {
	t := &w.trails[i]
	p.unread = append(p.unread, t.asked...)
	if len(t.asked) > 0 {
		w.disappointed(t)
	}
	w.trails = append(w.trails[:i], w.trails[i+1:]...)
}

// asked reports whether a file was asked for, by whichever trail: if two did, the one
// that gives it up would take it from the other's reader.
func (w *walk) asked(place int) bool {
	for i := range w.trails {
		if _, asked := slices.BinarySearch(w.trails[i].asked, place); asked {
			return true
		}
	}
	return false
}

// take reports whether a file was asked for, and strikes it off.
func (w *walk) take(place int) bool {
	for i := range w.trails {
		if w.trails[i].take(place) {
			return true
		}
	}
	return false
}

// disappointed takes note that guesses went unread.
func (w *walk) disappointed(t *trail) {
	if t.window /= 2; t.window == 0 {
		t.step, t.recent = 0, nil
	}
	if t.useful == 0 {
		w.run = min(2*w.run, longestRun)
	}
}

// ahead returns how many files are ahead of all.
func (w *walk) ahead() int {
	n := len(w.lanes.asked)
	for i := range w.trails {
		n += len(w.trails[i].asked)
	}
	return n
}

// active returns the number of trails that are believed.
func (w *walk) active() int {
	n := 0
	for i := range w.trails {
		if w.trails[i].step > 0 {
			n++
		}
	}
	return n
}
