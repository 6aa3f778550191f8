package prefetch

import "slices"

// queue decides which job gets a connection next. It is a value without I/O,
// lock or goroutine.
//
// Demand goes first: of the reader with the fewest demands running, in the order in
// which it came, so that hundreds of one reader's threads do not keep another one
// waiting. Some connections are kept for it, so that a reader who waits never waits
// for guesses to end. Guesses take
// turns between readers, and one reader's are in the order in which it needs
// them: a stream's next block before another stream's hundredth.
//
// What guesses ask for together is bounded too: a file of 64 KiB wants a connection for
// its own sake, while long requests beyond what the window holds bring nothing nearer and
// cost memory (see guessesOnTheirWay).
type queue struct {
	connections int
	guessing    int   // how many guesses may run at once: see width
	most        int64 // blocks that running guesses may ask for together, or one of them

	demands []*job
	lines   []*line // readers with guesses; the first one's turn is next
	guesses int     // queued
	running map[*job]struct{}
	guessed int   // running guesses
	asked   int64 // blocks that these ask for
}

// line is the guesses of one reader, or for the files of one directory, the
// nearest first.
type line struct {
	party any
	jobs  []guess
}

// guess is a job and how many blocks ahead of its reader it is.
type guess struct {
	*job
	distance int64
}

func newQueue(connections int, most int64) *queue {
	connections = max(connections, 1)
	return &queue{
		connections: connections,
		guessing:    connections - reserve(connections),
		most:        most,
		running:     make(map[*job]struct{}),
	}
}

// reserve returns how many connections are kept for demand: a quarter, and at
// least 4 where there are 16 or more. One is kept in any case: a guess may wait for
// memory that only a demand's reader gives back.
func reserve(connections int) int {
	if connections >= 16 {
		return max(connections/4, 4)
	}
	return max(connections/4, 1)
}

// guessesOnTheirWay returns how many blocks running guesses may ask for together: what the
// window holds, but for the request that its reader is in, which has come. Without it, 64
// connections for 32 took 3 to 5 % of one stream and a tenth of four interleaved ones; with
// it, one stream with 64 MiB of memory, whose requests are of 2 MiB, gained a fifth.
func guessesOnTheirWay(window, request, block int64) int64 {
	return max(window-request, request) / block
}

func (q *queue) addDemand(j *job) { q.demands = append(q.demands, j) }

func (q *queue) addGuess(j *job, distance int64) {
	i := slices.IndexFunc(q.lines, func(l *line) bool { return l.party == j.owner.turn() })
	if i < 0 {
		i = len(q.lines)
		q.lines = append(q.lines, &line{party: j.owner.turn()})
	}
	l := q.lines[i]
	at, _ := slices.BinarySearchFunc(l.jobs, distance, func(g guess, d int64) int {
		if g.distance <= d {
			return -1
		}
		return 1
	})
	l.jobs = slices.Insert(l.jobs, at, guess{j, distance})
	q.guesses++
}

// next returns the job to be started now, nil when there is none or no connection
// for it.
func (q *queue) next() *job {
	if len(q.running) >= q.connections {
		return nil
	}
	if len(q.demands) > 0 {
		return q.nextDemand()
	}
	if len(q.lines) == 0 || q.guessed >= q.guessing {
		return nil
	}
	l := q.lines[0]
	j := l.jobs[0].job
	if q.guessed > 0 && q.asked+j.span.n > q.most {
		return nil // its turn is kept: or small ones would go before it for ever
	}
	l.jobs = slices.Delete(l.jobs, 0, 1)
	q.lines = slices.Delete(q.lines, 0, 1)
	if len(l.jobs) > 0 {
		q.lines = append(q.lines, l)
	}
	q.guesses--
	q.guessed++
	q.asked += j.span.n
	q.running[j] = struct{}{}
	return j
}

func (q *queue) nextDemand() *job {
	at := 0
	if len(q.demands) > 1 {
		running := make(map[*Reader]int)
		for j := range q.running {
			if j.demand {
				running[j.owner]++
			}
		}
		for i, j := range q.demands {
			if running[j.owner] < running[q.demands[at].owner] {
				at = i
			}
		}
	}
	j := q.demands[at]
	q.demands = slices.Delete(q.demands, at, at+1)
	q.running[j] = struct{}{}
	return j
}

// done gives j's connection back.
func (q *queue) done(j *job) {
	delete(q.running, j)
	if !j.demand {
		q.guessed--
		q.asked -= j.span.n
	}
}

// withdraw takes j out if it has not been started.
func (q *queue) withdraw(j *job) bool {
	i := slices.Index(q.demands, j)
	if i >= 0 {
		q.demands = slices.Delete(q.demands, i, i+1)
	}
	return i >= 0
}

// drop takes out the queued guesses of owner that end within s, and returns them
// and those that run.
func (q *queue) drop(owner *Reader, s span) (queued, running []*job) {
	hit := func(j *job) bool { return j.owner == owner && j.span.overlaps(s) && j.span.end() <= s.end() }
	for j := range q.running {
		if !j.demand && hit(j) {
			running = append(running, j)
		}
	}
	return q.takeGuesses(owner, hit), running
}

// overtake takes out the queued guesses of owner that lie in s.
func (q *queue) overtake(owner *Reader, s span) []*job {
	return q.takeGuesses(owner, func(j *job) bool {
		return j.owner == owner && s.first <= j.span.first && j.span.end() <= s.end()
	})
}

// takeGuesses takes out those of owner's line that are hit.
func (q *queue) takeGuesses(owner *Reader, hit func(*job) bool) (taken []*job) {
	q.lines = slices.DeleteFunc(q.lines, func(l *line) bool {
		if l.party == owner.turn() {
			l.jobs = slices.DeleteFunc(l.jobs, func(g guess) bool {
				if hit(g.job) {
					taken = append(taken, g.job)
					return true
				}
				return false
			})
		}
		return len(l.jobs) == 0
	})
	q.guesses -= len(taken)
	return taken
}

// dropAll takes everything out.
func (q *queue) dropAll() []*job {
	all := q.demands
	for _, l := range q.lines {
		for _, g := range l.jobs {
			all = append(all, g.job)
		}
	}
	q.demands, q.lines, q.guesses = nil, nil, 0
	return all
}
