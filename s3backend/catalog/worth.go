package catalog

// worth decides whether pages of keys are worth asking for: where nobody asks for what
// they tell large ones are given up, until somebody would have had use of one. It is a
// value without I/O, clock or goroutine.
type worth struct {
	spent int
	// told are the directories that the latest pages told of, whose names nobody has
	// asked for.
	told [maxTold]reach
	next int
}

// reach is the directories from one to another, in the bytes by which those who fill it
// order them: keys are told in the order of keys, in which "d-1/" is before "d/".
type reach struct{ from, to string }

const (
	maxTold = 16
	// maxSpent is how many large pages may have been for nothing, each that was not
	// making up for one more.
	maxSpent = 8
	// smallPage is what a page may hold without being large: 30 KB, a packet or two
	// more than for one key.
	smallPage = 100
)

// due reports whether to ask for a page.
func (w *worth) due() bool { return w.spent < maxSpent }

// took takes note of what a page of so many keys told of.
func (w *worth) took(r reach, keys int) {
	if keys > smallPage {
		w.spent++
	}
	w.told[w.next] = r
	w.next = (w.next + 1) % maxTold
}

// used takes note that somebody asks for a name in dir, which is not empty.
func (w *worth) used(dir string) {
	for i, r := range w.told {
		if r.from <= dir && dir <= r.to {
			w.told[i] = reach{}
			w.spent = max(w.spent-2, 0)
			return
		}
	}
}

// denied takes note that there may be no more use in asking for pages.
func (w *worth) denied() { w.spent = maxSpent }
