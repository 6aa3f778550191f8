package prefetch

import (
	"maps"
	"slices"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
)

// Following returns at most n of the files that come after the one at path in the order of
// paths, across directories of equal depth, of those that are wanted; fewer where no more are
// known. It must not do I/O.
type Following func(path string, n int, wanted func(s3backend.Object) bool) []NextFile

// OpenedLarge says that a file was opened at path, of which r is a reader: a large one, or one
// of a directory of a few files. Where it is one of several, in order, the next ones are fetched:
// small ones of other directories, of a table's the ends and what is expected of their
// first row groups, and of large ones that are read to their ends the beginning. cached says
// that nothing need be fetched of it, and so of the next ones. It reports whether the last
// opens were in order.
func (f *Files) OpenedLarge(r *Reader, path string, cached bool, following Following) (followed bool) {
	if f.limit <= 0 || r.detector.limits.maximum == 0 {
		return false
	}
	// Who reads a table passes over what lies beside its files, of other kinds.
	kind, large := suffixOf(r.Object().Key), r.detector.limits.blocks > smallBlocks
	after := following(path, 2*maxPreviews, func(o s3backend.Object) bool {
		return o.Size > 0 && (!large || suffixOf(o.Key) == kind)
	})
	f.crew.tables.hope(r.watch)
	if cached {
		r.come() // the kernel reads it, and shows nobody
	}
	now := time.Now()
	room := f.crew.cfg.Memory.Room()
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return false
	}
	s, drop := f.sequenceLocked(now, path, after)
	if p := s.ahead[path]; p != nil {
		f.stats.Useful++
		f.run = 1
		cached = false // but for that
		s.met = append(s.met, f.endLocked(s, path))
		for len(s.met) > maxMet {
			drop = append(drop, s.met[0])
			s.met = s.met[1:]
		}
	}
	drop = append(drop, f.wastedLocked(s, s.late())...)
	var ahead []*preview
	if !cached && !now.Before(f.paused) {
		ahead = f.previewsLocked(s, r.file, min(room, f.tableRoom()-f.held))
	}
	if s.lately((*watch).picked) {
		for _, p := range s.ahead {
			if 0 < p.looks && p.looks < maxLooks {
				p.looks = maxLooks
				ahead = append(ahead, p)
			}
		}
	}
	s.meet(r.watch)
	followed = s.ordered(1)
	f.tickLocked()
	f.mu.Unlock()
	for _, p := range ahead {
		switch l := p.reader.detector.limits; {
		case l.blocks <= smallBlocks:
			f.crew.guess(p.reader, 0, (span{0, l.blocks}).pieces(l.request))
		case p.head > 0:
			f.crew.guess(p.reader.guesser, 0, p.reader.foreseeHead(p.head))
		default:
			f.crew.start(func() { f.look(s, p) })
		}
	}
	closeAll(drop)
	return followed
}

const (
	// maxLooks is how often a footer is looked at ahead of its reader.
	maxLooks = 2
	// longestTrial is how many files in order are enough to be believed, whatever was in vain.
	longestTrial = 8
)

// tableRoom is how many bytes the files ahead may take: all memory where there is a disk, to
// which they go, as more is on its way of ten files than of a thousand small ones. Of a small
// disk that is a quarter too: what lies ahead would drive out what is read before it.
func (f *Files) tableRoom() int64 {
	return min(max(f.room, f.crew.cfg.Cache.Stats().Budget/4), f.crew.cfg.Memory.Limit())
}

// sequenceLocked returns the sequence that the file at path belongs to.
func (f *Files) sequenceLocked(now time.Time, path string, after []NextFile) (s *sequence, drop []*Reader) {
	// Rather one that waits for it than one that was there before.
	i := slices.IndexFunc(f.sequences, func(s *sequence) bool { return s.ahead[path] != nil })
	if i < 0 {
		i = slices.IndexFunc(f.sequences, func(s *sequence) bool { return s.expects(path) })
	}
	if i < 0 {
		i = slices.IndexFunc(f.sequences, func(s *sequence) bool { return s.opened(now, path) != nil })
	}
	if i >= 0 {
		s = f.sequences[i]
		s.open(now, path, after)
		return s, nil
	}
	if len(f.sequences) == maxSequences {
		oldest := slices.MinFunc(f.sequences, func(a, b *sequence) int { return a.used.Compare(b.used) })
		drop = f.leaveLocked(oldest)
	}
	s = newSequence(now, path, after)
	f.sequences = append(f.sequences, s)
	return s, drop
}

// previewsLocked opens the next files, as far as there is room for what they take: of small
// ones all, of Parquet's that are read by columns what a query reads first, and of others that are
// read to their end the beginning.
func (f *Files) previewsLocked(s *sequence, latest *file, room int64) (ahead []*preview) {
	block := latest.block
	ordered := s.ordered(f.run)
	columns, whole := ordered && s.tabular(), int64(0)
	if ordered && !columns {
		whole = (min(s.whole(), latest.detector.limits.maximum) - s.unbegun(latest.watch)) * block
	}
	partitions := s.ordered(firstRun*f.run) && s.partitioned()
	small := func(n NextFile) bool { return n.Object.Size <= smallBlocks*block }
	for len(s.ahead) < s.window(f.limit) {
		head := whole - s.heads()
		next, ok := s.next(func(n NextFile) bool {
			if small(n) {
				return partitions && dirOf(n.Path) != s.dir
			}
			return columns || head > 0
		})
		if !ok {
			break
		}
		p := &preview{opens: s.opens}
		switch {
		case small(next):
			p.bytes = next.Object.Size
		case columns:
			p.bytes = tailBlocks*block + s.cost
		default:
			p.bytes = min(head, next.Object.Size)
			p.head = (p.bytes + block - 1) / block
		}
		if room -= p.bytes; room < 0 {
			break
		}
		p.reader = f.crew.Open(next.Object)
		p.reader.party = s
		p.reader.failed = func(err error) {
			f.failed(p.reader, err, func() bool {
				ahead := s.ahead[next.Path] == p
				if ahead {
					f.endLocked(s, next.Path)
				}
				return ahead
			})
		}
		p.reader.join()
		s.ahead[next.Path] = p
		f.held += p.bytes
		f.stats.Guessed++
		ahead = append(ahead, p)
	}
	return ahead
}

// look fetches the end of a file and then what is expected of it.
func (f *Files) look(s *sequence, p *preview) {
	r := p.reader
	if !r.acquire() {
		return // it was opened or given up already
	}
	defer r.release()
	if !r.preview() {
		return
	}
	f.mu.Lock()
	spans := f.foreseeLocked(s, p)
	f.mu.Unlock()
	if len(spans) > 0 {
		// Not its own guesses: they go on when the file is opened.
		f.crew.guess(r.guesser, spans[0].first, spans)
	}
}

// foreseeLocked returns what to fetch of a file ahead beside its end.
func (f *Files) foreseeLocked(s *sequence, p *preview) []span {
	r := p.reader
	reserved := max(p.bytes-tailBlocks*r.block, 0) // of what it takes beside
	budget := (reserved + max(f.tableRoom()-f.held, 0)) / r.block
	var spans []span
	if s.picks() {
		r.mu.Lock()
		spans = r.detector.foresee(budget)
		r.mu.Unlock()
	}
	if p.looks++; len(spans) > 0 {
		p.looks = maxLooks
	}
	if p.bytes == 0 { // it was opened or given up meanwhile, and counts no more
		return spans
	}
	taken := int64(0)
	for _, b := range spans {
		taken += b.n * r.block
	}
	s.cost = taken
	p.bytes += taken - reserved
	f.held += taken - reserved
	return spans
}

// endLocked takes a file off those ahead; the caller closes it, some time.
func (f *Files) endLocked(s *sequence, path string) *Reader {
	p := s.ahead[path]
	delete(s.ahead, path)
	f.held -= p.bytes
	p.bytes = 0
	return p.reader
}

// wastedLocked takes files off that nobody will open, which makes all sequences less trusted: a
// query that stopped early (LIMIT) by one file in order, others by more.
func (f *Files) wastedLocked(s *sequence, paths []string) (drop []*Reader) {
	if len(paths) > 0 {
		f.run = min(2*f.run, longestTrial)
	}
	for _, path := range paths {
		f.stats.Wasted++
		drop = append(drop, f.endLocked(s, path))
	}
	return drop
}

// leaveLocked ends a sequence.
func (f *Files) leaveLocked(s *sequence) []*Reader {
	f.sequences = slices.DeleteFunc(f.sequences, func(o *sequence) bool { return o == s })
	return append(f.wastedLocked(s, slices.Collect(maps.Keys(s.ahead))), s.met...)
}
