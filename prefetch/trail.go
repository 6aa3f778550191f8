package prefetch

import (
	"slices"
	"time"
)

// trail is a run of opens that go up a listing, and which of the next files have
// been asked for.
type trail struct {
	start  int    // the first place opened
	front  int    // the furthest
	recent []mark // the last small files opened, each once, the latest last
	step   int    // every so many-th file is opened; 0 while the trail is not believed
	window int    // files to be ahead
	opened int    // small files
	useful int    // guesses that were opened
	asked  []int  // guesses that were not opened yet, in the order of the listing
	edge   int    // first place that was not looked at for a guess
	astray int    // opens since the last ones were in order
	quiet  bool   // what is opened is cached already
	habits map[string]habit
	used   time.Time // latest open
	serial int       // of that open
}

// mark is an open: where, and the how manieth of the walk.
type mark struct{ place, serial int }

// habit is what a trail does with the files of one suffix.
type habit struct {
	opened bool
	passed int // files passed over since one was opened
}

const (
	// A suffix is left out when so many of its files were passed over, the second
	// number where some have been opened before: every 16th file may be a pattern.
	neverOpened, seldomOpened = 2, 16
	maxHabits                 = 64
)

// reaches reports whether an open may belong to the trail.
func (t *trail) reaches(place int) bool {
	return place > t.front-reorderFiles*max(t.step, 1) && place <= max(t.front+reachFiles*max(t.step, 1), t.edge)
}

// take reports whether the file was asked for, and strikes it off.
func (t *trail) take(place int) bool {
	i, asked := slices.BinarySearch(t.asked, place)
	if asked {
		t.asked = slices.Delete(t.asked, i, i+1)
	}
	return asked
}

// met reports whether the file is one of the last that were opened.
func (t *trail) met(place int) bool {
	return slices.ContainsFunc(t.recent, func(m mark) bool { return m.place == place })
}

// visit takes note of an open.
func (t *trail) visit(place, serial int, d folder) {
	for i := t.front + 1; i < place; i++ {
		if suffix, small := d.kind(i); small {
			t.learn(suffix, func(h habit) habit { return habit{h.opened, h.passed + 1} })
		}
	}
	t.front = max(t.front, place)
	t.edge = max(t.edge, t.front+1)
	suffix, small := d.kind(place)
	if !small {
		return
	}
	t.opened++
	t.learn(suffix, func(habit) habit { return habit{opened: true} })
	if len(t.recent) > longestRun {
		t.recent = append(t.recent[:0], t.recent[1:]...)
	}
	t.recent = append(t.recent, mark{place, serial})
}

func (t *trail) learn(suffix string, change func(habit) habit) {
	h, known := t.habits[suffix]
	if known || len(t.habits) < maxHabits {
		t.habits[suffix] = change(h)
	}
}

// wants reports whether the trail opens files like this one.
func (t *trail) wants(place int, d folder) bool {
	suffix, small := d.kind(place)
	if !small {
		return false
	}
	if h, known := t.habits[suffix]; known {
		return h.passed < neverOpened || h.opened && h.passed < seldomOpened
	}
	// One that has not been met yet: who leaves some suffixes out looks for others.
	for _, h := range t.habits {
		if !h.opened && h.passed >= neverOpened {
			return false
		}
	}
	return true
}

// pattern returns which step the last opens have, 0 for none: 1 when at least run
// of them lie side by side, n when all that are remembered are n wanted files
// apart.
func (t *trail) pattern(run int, d folder) int {
	for n := run; n <= min(len(t.recent), longestRun); n *= 2 {
		if t.stepOf(n, d) == 1 {
			return 1
		}
	}
	if n := max(run+1, min(len(t.recent), longestRun/2)); len(t.recent) >= n {
		return t.stepOf(n, d)
	}
	return 0
}

// stepOf returns the step of the last n opens, 0 for none.
func (t *trail) stepOf(n int, d folder) int {
	last := t.recent[len(t.recent)-n:]
	var buf [longestRun + 1]int
	places := buf[:0]
	for _, m := range last {
		places = append(places, m.place)
	}
	rising, opens := slices.IsSorted(places), last[n-1].serial-last[0].serial+1
	slices.Sort(places)
	// Before the files between are looked at, which takes longer.
	if opens > n+n/4 && !(rising && opens <= n*2*maxTrails) || places[n-1]-places[0] > n*reachFiles {
		return 0
	}
	step, span := 0, 0
	for i, p := range places[1:] {
		gap := 0
		for q := places[i] + 1; q <= p; q++ {
			if q == p || t.wants(q, d) {
				gap++
			}
		}
		step, span = gcd(gap, step), span+gap
	}
	holes := span/step - (n - 1)
	switch {
	// Each reader who has a part of the list takes his turn in the count of opens.
	case rising && holes == 0:
		return step
	// Those who share it are out of order: 16 of them by 16 files. Then it takes
	// more opens, and they must be near each other also in time.
	case opens <= n+n/4 && (holes <= n/3 || n >= longestRun/2 && holes <= n*3/4):
		return step
	}
	return 0
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// passed strikes off the guesses that were not opened though others far behind
// them were.
func (t *trail) passed() []int {
	n, _ := slices.BinarySearch(t.asked, t.front-reorderFiles*max(t.step, 1))
	unread := slices.Clone(t.asked[:n])
	t.asked = slices.Delete(t.asked, 0, n)
	return unread
}

// next returns the first place from one on whose file the trail may open, end when
// there is none below it.
func (t *trail) next(from, end int, d folder) int {
	for i := from; i < end; i++ {
		if t.wants(i, d) {
			return i
		}
	}
	return end
}

// topUp asks for files below end until the window is full, but for no more than
// most and none that was asked for, or halves the window when there is no room.
func (t *trail) topUp(end, most int, asked func(place int) bool, d folder) []int {
	var ahead []int
	rank, left := 0, 0
	for i := t.front + 1; i < min(end, t.front+scanFiles) && left < t.window && len(ahead) < most; i++ {
		if !t.wants(i, d) {
			continue
		}
		if rank++; rank%t.step != 0 {
			continue
		}
		left++
		if i < t.edge || asked(i) {
			continue
		}
		if !d.room(i) {
			t.window = max(t.window/2, 1)
			break
		}
		ahead = append(ahead, i)
		t.edge = i + 1
	}
	t.asked = append(t.asked, ahead...)
	return ahead
}
