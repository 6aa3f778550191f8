package prefetch

import (
	"cmp"
	"math/bits"
	"slices"
)

// lanes sees readers who go through a directory side by side, each through a batch
// of files and then through another further on, as the workers of a training data
// loader do. Like a walk it is a value without I/O, clock or goroutine.
//
// Nobody knows who opens a file, so that one reader's way is not seen. But what all
// have opened lies in stretches that grow at their ends until they meet, and that
// begin where a batch does, at equal distances. The next files are those after the
// stretches, up to the end of their batches, and the first ones of the batches that
// nobody has begun: whoever will read them.
type lanes struct {
	stretches []stretch // in the order of the listing, with files between them
	starts    []int     // where the latest began, the last one last
	recent    []int     // places last opened, each once, the last one last
	suffixes  map[string]bool
	step      int // what is opened is so many files apart, 0 while there is too little of it
	opens     int // of small files, each once
	run       int // of these, lately, that made a stretch grow; halved by one that is opened again
	odd       int // the latest that did not fit, counted from 1
	batch     int // from where one begins to where the next does, 0 while that is not known

	leads   bool
	limit   int    // most files to be ahead
	window  int    // files to be ahead
	workers int    // the most stretches that grew at once
	asked   []mark // guesses that were not opened yet, in the order of asking
}

// stretch is files side by side that were opened, the latest at that open.
type stretch struct{ first, last, serial int }

const (
	// n distances have a common divisor of d or more by chance once in (n-1)*d^(n-1)
	// times: once in 2^chanceBits is enough, be it 4 distances of 32 or 8 of 4.
	maxStarts, chanceBits = 8, 14
	// So many opens in a row must make stretches grow, and two of each stretch: in
	// random order they hardly do, and those who share a list begin new ones between.
	growthRun, longestGrowth = 8, 32
	// Stretches that are known. Workers have two each at most.
	maxStretches = 64
)

// see takes note of an open, and reports whether it fits.
func (l *lanes) see(place int, d folder) bool {
	suffix, small := d.kind(place)
	if !small || slices.Contains(l.recent, place) {
		return true
	}
	i, _ := slices.BinarySearchFunc(l.stretches, place+1, func(s stretch, p int) int { return cmp.Compare(s.first, p) })
	if i > 0 && place <= l.stretches[i-1].last {
		if l.leads && l.run >= growthRun && place != l.stretches[0].first {
			// One who is no worker: all of them together begin with the first file.
			l.run /= 2
			return false
		}
		// Somebody goes through the directory once more.
		*l, i = lanes{leads: l.leads, asked: l.asked}, 0
	}
	if l.recent = append(l.recent, place); len(l.recent) > reorderFiles {
		l.recent = append(l.recent[:0], l.recent[1:]...)
		l.step = commonStep(l.recent)
	}
	if l.suffixes == nil {
		l.suffixes = make(map[string]bool)
	}
	if len(l.suffixes) < maxHabits {
		l.suffixes[suffix] = true
	}
	l.opens++
	below := i > 0 && l.touch(l.stretches[i-1].last, place, d)
	above := i < len(l.stretches) && l.touch(place, l.stretches[i].first, d)
	switch {
	case below && above:
		l.stretches[i-1].last, l.stretches[i-1].serial = l.stretches[i].last, l.opens
		l.stretches = slices.Delete(l.stretches, i, i+1)
		return true
	case below:
		s := &l.stretches[i-1]
		switch {
		case l.opens-s.serial <= maxStretches:
			l.run = min(l.run+1, longestGrowth)
		case !l.leads:
			l.run = 0
		}
		s.last, s.serial = place, l.opens
		return true
	case above:
		l.stretches[i].first = place
	default:
		l.insert(i, stretch{place, place, l.opens})
	}
	return l.begin(place)
}

// commonStep returns the common divisor of the distances between places.
func commonStep(places []int) int {
	step := 0
	for _, p := range places {
		if step = gcd(distance(p, places[0]), step); step == 1 {
			break
		}
	}
	return step
}

// touch reports whether no file lies between two that readers would open.
func (l *lanes) touch(from, to int, d folder) bool {
	if to-from > reachFiles {
		return false
	}
	for i := from + 1; i < to; i++ {
		if l.wants(i, d) {
			return false
		}
	}
	return true
}

// wants reports whether readers open files like this one.
func (l *lanes) wants(place int, d folder) bool {
	if l.step > 1 && (place-l.recent[0])%l.step != 0 {
		return false
	}
	suffix, small := d.kind(place)
	return small && l.suffixes[suffix]
}

// insert adds a stretch, in the place of the one that was longest without an open
// if there are too many.
func (l *lanes) insert(i int, s stretch) {
	l.stretches = slices.Insert(l.stretches, i, s)
	if len(l.stretches) > maxStretches {
		oldest := slices.MinFunc(l.stretches, func(a, b stretch) int { return a.serial - b.serial })
		l.stretches = slices.DeleteFunc(l.stretches, func(s stretch) bool { return s == oldest })
	}
}

// begin takes note of where a stretch has begun, and reports whether a batch does.
func (l *lanes) begin(place int) bool {
	divisor := 0
	for i := len(l.starts) - 1; i >= 0; i-- {
		divisor = gcd(distance(l.starts[i], place), divisor)
		if n := len(l.starts) - i; divisor <= scanFiles && (n-1)*(bits.Len(uint(divisor))-1) >= chanceBits {
			l.batch = divisor
		}
	}
	fits := l.batch > 0 && l.border(place) == place
	if l.leads && !fits {
		// One file opened by somebody else, unless the next one that does not fit lies as
		// many batches from it.
		odd := l.odd
		if l.odd = place + 1; odd == 0 || (place+1-odd)%l.batch != 0 {
			return false
		}
	}
	if l.starts = append(l.starts, place); len(l.starts) > maxStarts {
		l.starts = append(l.starts[:0], l.starts[1:]...)
	}
	if !fits && !l.leads {
		l.run = 0
	}
	return fits
}

// border returns where the first batch begins from a place on, as told by the nearest
// one that is known: between others may lie files that nobody opens.
func (l *lanes) border(place int) int {
	nearest := slices.MinFunc(l.starts, func(a, b int) int { return distance(a, place) - distance(b, place) })
	return place + ((nearest-place)%l.batch+l.batch)%l.batch
}

// believed reports whether readers have lanes.
func (l *lanes) believed() bool {
	// One reader of every so many-th file has batches of one.
	return l.batch > l.step && l.run >= min(max(growthRun, 2*l.growing()), longestGrowth)
}

// growing returns how many stretches have not come to the end of a batch.
func (l *lanes) growing() int {
	n := 0
	for _, s := range l.stretches {
		if l.fresh(s.serial) && l.border(s.last+1) != s.last+1 {
			n++
		}
	}
	return n
}

// fresh reports whether something from so many opens ago is not given up yet: a
// worker may be behind by all that the others have in hand.
func (l *lanes) fresh(serial int) bool {
	return l.opens-serial <= 2*l.workers*l.batch+l.limit+patienceFiles
}

// begins has lanes lead from now on, with what was asked for before.
func (l *lanes) begins(asked []int, limit int) {
	for _, a := range asked {
		l.asked = append(l.asked, mark{a, l.opens})
	}
	l.leads, l.limit, l.window = true, limit, min(max(len(asked), l.growing()), limit)
}

// lead says what to fetch after an open that was seen.
func (l *lanes) lead(p *filePlan, place int, cached bool, d folder) {
	l.workers = max(l.workers, l.growing(), 1)
	if i := l.index(place); i >= 0 {
		l.asked = slices.Delete(l.asked, i, i+1)
		p.useful = true
		l.window = max(min(2*l.window, l.opens, l.limit), l.window)
	}
	for len(l.asked) > 0 && !l.fresh(l.asked[0].serial) {
		p.unread = append(p.unread, l.asked[0].place)
		l.asked = l.asked[1:]
	}
	if len(p.unread) > 0 {
		l.window = max(l.window/2, 1)
	}
	if !cached || p.useful {
		p.ahead = l.topUp(d)
	}
	p.complete = len(l.asked) == 0 && len(l.stretches) == 1 && l.touch(l.stretches[0].last, d.files, d)
}

// index returns where in asked a place is, -1 for nowhere.
func (l *lanes) index(place int) int {
	return slices.IndexFunc(l.asked, func(m mark) bool { return m.place == place })
}

// topUp asks for the next file of each stretch, then for the second, up to each
// worker's share of the window; and with what is left of it for the first files of
// each batch that comes next.
func (l *lanes) topUp(d folder) []int {
	var ahead []int
	left, looked := l.window, 0
	// ask goes on with the first file of [from, end), and returns where it went on to;
	// full is set when no more may be asked for.
	full := false
	ask := func(from, end int) int {
		for ; from < end && !full; from++ {
			if looked++; left == 0 || looked > 2*scanFiles {
				full = true
				break
			}
			if !l.wants(from, d) {
				continue
			}
			left--
			switch {
			case l.index(from) >= 0:
				return from + 1
			case len(l.asked) >= l.limit:
				full = true
			case !d.room(from):
				full, l.window = true, max(l.window/2, 1)
			default:
				l.asked = append(l.asked, mark{from, l.opens})
				ahead = append(ahead, from)
				return from + 1
			}
		}
		return from
	}
	// before returns where stretch i begins, or the directory ends.
	before := func(i int) int {
		if i < len(l.stretches) {
			return l.stretches[i].first
		}
		return d.files
	}
	type way struct{ next, end int }
	var ways []way
	lowest := d.files
	for i, s := range l.stretches {
		if l.fresh(s.serial) {
			next := s.last + 1
			lowest = min(lowest, next)
			ways = append(ways, way{next, min(l.border(next), before(i+1))})
		}
	}
	for range max(l.window/l.workers, 1) {
		for i := range ways {
			ways[i].next = ask(ways[i].next, ways[i].end)
		}
	}
	i, share := 0, (left+l.workers-1)/l.workers
	for place := l.border(lowest); place < d.files && left > 0 && !full; place += l.batch {
		for i < len(l.stretches) && l.stretches[i].last < place {
			i++
		}
		if before(i) <= place {
			continue // it was begun
		}
		next := place
		for range share {
			next = ask(next, min(place+l.batch, before(i)))
		}
	}
	return ahead
}

// giveUp forgets all, and returns what was asked for.
func (l *lanes) giveUp() []int {
	var unread []int
	for _, m := range l.asked {
		unread = append(unread, m.place)
	}
	*l = lanes{}
	return unread
}
