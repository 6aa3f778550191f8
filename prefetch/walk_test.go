package prefetch

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// stroll is a directory and what readers do in it: a model of Files that has
// all the memory and a time of its own.
type stroll struct {
	t       *testing.T
	walk    walk
	names   []string
	large   map[int]bool
	no      map[int]bool // room
	now     time.Time
	ahead   map[int]bool
	guessed []int
	useful  int
	wasted  int
	most    int // ahead at once
}

func newStroll(t *testing.T, names ...string) *stroll {
	return &stroll{t: t, walk: newWalk(64, false), names: names, ahead: map[int]bool{},
		large: map[int]bool{}, no: map[int]bool{}, now: time.Unix(0, 0)}
}

func numbered(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("f%05d", i)
	}
	return names
}

func (s *stroll) folder() folder {
	return folder{
		files: len(s.names),
		kind:  func(i int) (string, bool) { return suffixOf(s.names[i]), !s.large[i] },
		room:  func(i int) bool { return !s.no[i] },
	}
}

func (s *stroll) open(place int) filePlan {
	s.t.Helper()
	s.now = s.now.Add(time.Millisecond)
	p := s.walk.open(s.now, place, false, s.folder())
	if p.useful && !s.ahead[place] {
		s.t.Errorf("open of %d, which was not ahead, was useful", place)
	}
	if s.ahead[place] {
		s.useful++
		delete(s.ahead, place)
	}
	s.waste(p.unread)
	for _, i := range p.ahead {
		if i < 0 || i >= len(s.names) || s.large[i] {
			s.t.Fatalf("%d was asked for", i)
		}
		if !s.ahead[i] { // else another trail has asked
			s.ahead[i] = true
			s.guessed = append(s.guessed, i)
		}
	}
	s.most = max(s.most, len(s.ahead))
	return p
}

func (s *stroll) waste(places []int) {
	for _, i := range places {
		if s.ahead[i] {
			s.wasted++
			delete(s.ahead, i)
		}
	}
}

func (s *stroll) opens(places ...int) {
	s.t.Helper()
	for _, p := range places {
		s.open(p)
	}
}

func upTo(from, end, step int) []int {
	var places []int
	for i := from; i < end; i += step {
		places = append(places, i)
	}
	return places
}

func TestWalkRamp(t *testing.T) {
	s := newStroll(t, numbered(1000)...)
	for i, want := range []int{0, 0, 1, 2, 4, 6, 7, 8} {
		s.open(i)
		if len(s.ahead) != want {
			t.Errorf("after open %d %d files are ahead, want %d", i, len(s.ahead), want)
		}
	}
	s.opens(upTo(8, 1000, 1)...)
	if s.most != 64 || s.useful != 997 || s.wasted != 0 || len(s.ahead) != 0 {
		t.Errorf("at most %d ahead, %d useful, %d wasted, %d left", s.most, s.useful, s.wasted, len(s.ahead))
	}
}

// TestWalkPatterns: readers of all kinds leave what was fetched ahead of them
// unread at most once in twenty, and wait for few files.
func TestWalkPatterns(t *testing.T) {
	mixed := func(n int, suffixes ...string) []string {
		names := make([]string, n)
		for i := range names {
			names[i] = fmt.Sprintf("f%05d.%s", i, suffixes[i%len(suffixes)])
		}
		return names
	}
	// shared is n workers that take the next file from one list; each file takes
	// them about as long.
	shared := func(files, n int) []int {
		r, places := rand.New(rand.NewPCG(1, 2)), []int(nil)
		free := make([]int, n)
		for i := range free {
			free[i] = r.IntN(1000)
		}
		type open struct{ at, place int }
		var opens []open
		for place := range files {
			next := slices.Index(free, slices.Min(free))
			// From taking the name to the open it is not far, but others may be faster.
			opens = append(opens, open{free[next] + r.IntN(1000), place})
			free[next] += 10000 + r.IntN(4000)
		}
		slices.SortFunc(opens, func(a, b open) int { return a.at - b.at })
		for _, o := range opens {
			places = append(places, o.place)
		}
		return places
	}
	// parts is n workers that have a part of the list each.
	parts := func(files, n int) []int {
		var places []int
		for i := range files / n {
			for w := range n {
				places = append(places, w*(files/n)+i)
			}
		}
		return places
	}
	// batches is n workers that have every n-th batch of the list each, in step.
	batches := func(files, n, batch int) []int {
		var places []int
		for round := 0; round < files; round += n * batch {
			for i := range batch {
				for w := range n {
					places = append(places, round+w*batch+i)
				}
			}
		}
		return places
	}
	// twice is each file opened once more, when so many others have been.
	twice := func(places []int, later int) []int {
		var all []int
		for i, place := range places {
			all = append(all, place)
			if i >= later {
				all = append(all, places[i-later])
			}
		}
		return all
	}
	json := upTo(0, 1000, 1)
	json = slices.DeleteFunc(json, func(i int) bool { return i%7 != 0 && i%7 != 1 && i%7 != 4 })
	for _, c := range []struct {
		name           string
		names          []string
		places         []int
		waits, wasted  int // at most
		guessedAtLeast int
	}{
		{"all", numbered(1000), upTo(0, 1000, 1), 3, 0, 997},
		{"from the middle", numbered(1000), upTo(400, 1000, 1), 3, 0, 597},
		{"every second", numbered(1000), upTo(0, 1000, 2), 4, 0, 496},
		{"every fifth", numbered(1000), upTo(3, 1000, 5), 4, 0, 196},
		{"one suffix of two", mixed(1000, "json", "txt"), upTo(0, 1000, 2), 3, 0, 497},
		{"the other", mixed(1000, "json", "txt"), upTo(1, 1000, 2), 3, 0, 497},
		{"one suffix, here and there", mixed(1000, "json", "json", "txt", "png", "json", "txt", "png"), json, 5, 4, len(json) - 5},
		{"many suffixes", mixed(1000, "a", "b", "c", "d", "e", "f", "g", "h"), upTo(0, 1000, 1), 3, 0, 997},
		{"numbers for suffixes", mixed(100, "01", "02", "03", "04", "05", "06"), upTo(0, 100, 1), 3, 0, 97},
		{"4 workers", numbered(1000), shared(1000, 4), 8, 0, 990},
		{"16 workers", numbered(1000), shared(1000, 16), 24, 5, 970},
		{"4 parts", numbered(1000), parts(1000, 4), 4 * 3, 8, 950},
		{"16 parts", numbered(1600), parts(1600, 16), 16 * 4, 32, 1500},
		{"8 workers, batches of 8", numbered(1024), batches(1024, 8, 8), 25, 0, 999},
		{"8 workers, batches of 8, each twice", numbered(1024), twice(batches(1024, 8, 8), 0), 1024 + 25, 0, 999},
		{"8 workers, batches of 8, one suffix of two", mixed(2048, "jpg", "txt"), func() []int {
			p := batches(1024, 8, 8)
			for i := range p {
				p[i] *= 2
			}
			return p
		}(), 25, 0, 999},
		{"8 workers, batches of 8, twice", numbered(1024), append(batches(1024, 8, 8), batches(1024, 8, 8)...), 2 * 25, 0, 2 * 999},
		{"twice", numbered(300), append(upTo(0, 300, 1), upTo(0, 300, 1)...), 6, 0, 594},
		{"each twice", numbered(300), twice(upTo(0, 300, 1), 0), 300 + 3, 0, 297},
		{"each four times", numbered(300), twice(twice(upTo(0, 300, 1), 0), 1), 900 + 3, 0, 297},
		{"4 workers, each twice", numbered(1000), twice(shared(1000, 4), 0), 1000 + 8, 0, 990},
		{"pairs swapped", numbered(100), func() []int {
			p := upTo(0, 100, 1)
			for i := 0; i < 100; i += 2 {
				p[i], p[i+1] = p[i+1], p[i]
			}
			return p
		}(), 5, 0, 95},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStroll(t, c.names...)
			s.opens(c.places...)
			s.waste(s.walk.idle(s.now.Add(2 * walkIdle)))
			waits := len(c.places) - s.useful
			t.Logf("%d opens, %d guesses, %d waits, %d wasted", len(c.places), len(s.guessed), waits, s.wasted)
			if waits > c.waits || s.wasted > c.wasted || len(s.guessed) < c.guessedAtLeast {
				t.Errorf("want at most %d waits, %d wasted, at least %d guesses", c.waits, c.wasted, c.guessedAtLeast)
			}
			if s.most > 64 || len(s.ahead) != 0 {
				t.Errorf("%d files ahead, %d left", s.most, len(s.ahead))
			}
		})
	}
}

// TestWalkLoaderSkips: files that nobody opens move the batches behind them.
func TestWalkLoaderSkips(t *testing.T) {
	for _, batch := range []int{4, 8, 16} {
		s := newStroll(t, numbered(4096)...)
		var list []int
		for i := range s.names {
			if i%500 == 77 {
				s.large[i] = true
			} else {
				list = append(list, i)
			}
		}
		s.load(list, 16, batch, 1)
		t.Logf("batches of %d: %d waits, %d wasted", batch, len(list)-s.useful, s.wasted)
		if s.useful < len(list)*93/100 || s.wasted > 64 {
			t.Errorf("batches of %d: %d of %d useful, %d wasted", batch, s.useful, len(list), s.wasted)
		}
	}
}

// TestWalkLoaderStep: several machines share a list file by file, and each has workers.
func TestWalkLoaderStep(t *testing.T) {
	for _, machines := range []int{2, 4, 8} {
		for _, workers := range []int{2, 8, 16} {
			for _, batch := range []int{4, 16, 64} {
				files := 2048 * machines
				s := newStroll(t, numbered(files)...)
				s.load(upTo(1, files, machines), workers, batch, 1)
				s.waste(s.walk.idle(s.now.Add(2 * walkIdle)))
				waits := 2048 - s.useful
				t.Logf("one of %d machines, %2d workers, batches of %2d: %4d waits, %d wasted", machines, workers, batch, waits, s.wasted)
				if waits > 160 || s.wasted > 64 {
					t.Error("want at most 160 waits, 64 wasted")
				}
			}
		}
	}
}

// TestWalkLoaderLeft: when nobody goes on in batches all that is ahead is given up
// soon, and nothing more is fetched, be it that others open files in random order, or
// that nobody opens any.
func TestWalkLoaderLeft(t *testing.T) {
	s := newStroll(t, numbered(10000)...)
	s.load(upTo(0, 4096, 1), 8, 16, 1)
	guessed := len(s.guessed)
	if len(s.ahead) != 64 || s.useful < 4000 {
		t.Fatalf("%d files ahead, %d useful", len(s.ahead), s.useful)
	}
	s.opens(rand.New(rand.NewPCG(1, 1)).Perm(10000)[:100]...)
	if len(s.ahead) > 0 || len(s.guessed) > guessed+8 {
		t.Errorf("%d files ahead, %d more were guessed", len(s.ahead), len(s.guessed)-guessed)
	}
	s = newStroll(t, numbered(10000)...)
	s.load(upTo(0, 4096, 1), 8, 16, 1)
	s.waste(s.walk.idle(s.now.Add(2 * walkIdle)))
	if len(s.ahead) > 0 || s.walk.ahead() > 0 || s.wasted < 64 {
		t.Errorf("idle, %d files ahead, %d wasted", len(s.ahead), s.wasted)
	}
}

// TestWalkTrusted: who has read a directory to its end waits for one file of the
// next, if he begins with its first.
func TestWalkTrusted(t *testing.T) {
	s := newStroll(t, numbered(6)...)
	s.opens(upTo(0, 5, 1)...)
	if p := s.open(5); !p.complete {
		t.Error("read to the end, and not complete")
	}
	s = newStroll(t, append([]string{"dir", "large"}, numbered(6)...)...)
	s.large[0], s.large[1] = true, true
	s.walk = newWalk(64, true)
	for i := 2; i < 8; i++ {
		if p := s.open(i); p.useful != (i > 2) || p.complete != (i == 7) {
			t.Errorf("file %d: %+v", i, p)
		}
	}
	if s.wasted != 0 || len(s.ahead) != 0 {
		t.Errorf("%d wasted, %d left", s.wasted, len(s.ahead))
	}
	s = newStroll(t, numbered(100)...)
	s.walk = newWalk(64, true)
	if s.open(10); len(s.ahead) > 0 {
		t.Errorf("begun in the middle, and %d are ahead", len(s.ahead))
	}
}

// TestWalkRandom: what happens to be opened in order is believed once or twice, and
// then no more.
func TestWalkRandom(t *testing.T) {
	for _, n := range []int{5, 20, 50, 100, 200, 1000, 10000} {
		worst, sum := 0, 0
		for seed := range uint64(50) {
			s := newStroll(t, numbered(n)...)
			s.opens(rand.New(rand.NewPCG(seed, 1)).Perm(n)[:min(n, 2000)]...)
			worst, sum = max(worst, len(s.guessed)), sum+len(s.guessed)
		}
		t.Logf("%d files: %d guesses at most, %d in 50 rounds", n, worst, sum)
		if worst > 6 || sum > 100 {
			t.Errorf("%d files: %d guesses at most, %d in 50 rounds", n, worst, sum)
		}
	}
}

// BenchmarkWalk is an open in a directory of 10,000 files, in and out of order.
func BenchmarkWalk(b *testing.B) {
	names := numbered(10000)
	d := folder{
		files: len(names),
		kind:  func(i int) (string, bool) { return suffixOf(names[i]), true },
		room:  func(int) bool { return true },
	}
	for _, c := range []struct {
		name  string
		order []int
	}{
		{"in order", upTo(0, 10000, 1)},
		{"random", rand.New(rand.NewPCG(1, 2)).Perm(10000)},
		{"batches", func() []int {
			p := upTo(0, 10000, 1)
			for i := range p[:9984] { // of 16, 16 workers
				p[i] = i/256*256 + i%16*16 + i%256/16
			}
			return p
		}()},
	} {
		b.Run(c.name, func(b *testing.B) {
			looked := 0
			counting := d
			counting.kind = func(i int) (string, bool) { looked++; return d.kind(i) }
			w := newWalk(64, false)
			now := time.Unix(0, 0)
			for i := range b.N {
				w.open(now, c.order[i%10000], false, counting)
			}
			b.ReportMetric(float64(looked)/float64(b.N), "kinds/op")
		})
	}
}

// load is workers who have every so many-th batch of the list each, as those of a
// training data loader: all at once, at about the same speed, two batches of each
// ahead of who takes them in order. A file that was not ahead takes a while longer.
func (s *stroll) load(list []int, workers, batch int, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 2))
	type worker struct{ at, place int }
	all := make([]worker, workers)
	for i := range all {
		all[i] = worker{r.IntN(1000), i * batch}
	}
	read := map[int]int{} // of a batch
	taken := 0            // batches
	files := len(list)
	for {
		var next *worker
		for i := range all {
			w := &all[i]
			if w.place < files && w.place/batch < taken+2*workers && (next == nil || w.at < next.at) {
				next = w
			}
		}
		if next == nil {
			return
		}
		at, place, useful := next.at, next.place, s.useful
		s.open(list[place])
		if next.at += 800 + r.IntN(400); s.useful == useful {
			next.at += 5000
		}
		read[place/batch]++
		next.place++
		if next.place%batch != 0 && next.place < files {
			continue
		}
		if next.place%batch == 0 {
			next.place += (workers - 1) * batch
		}
		for read[taken] == batch {
			taken++
			for i := range all {
				all[i].at = max(all[i].at, at)
			}
		}
	}
}

// TestWalkLoader: hardly a file is waited for, nor fetched in vain, whatever the
// number of workers and the size of a batch.
func TestWalkLoader(t *testing.T) {
	for _, workers := range []int{2, 4, 8, 16} {
		for _, batch := range []int{4, 8, 16, 32, 64, 128, 256} {
			files := max(2048, 4*workers*batch)
			s := newStroll(t, numbered(files)...)
			s.load(upTo(0, files, 1), workers, batch, 1)
			s.waste(s.walk.idle(s.now.Add(2 * walkIdle)))
			waits := files - s.useful
			t.Logf("%2d workers, batches of %3d: of %5d files %5d waits, %5d useful, %5d wasted", workers, batch, files, waits, s.useful, s.wasted)
			// Until a few batches have begun, and gone on.
			if waits > 80 || s.wasted > 64 {
				t.Error("want at most 80 waits, 64 wasted")
			}
		}
	}
}
