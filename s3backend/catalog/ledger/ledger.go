package ledger

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxLog bounds Limit, and with it what a place can name.
	maxLog = 1 << 30
	// maxRecords bounds the index: 8 to 16 MB of memory.
	maxRecords = 1 << 18
	// maxQueue is how many bytes may wait to be written: the listings in it are not
	// copied, but stay in memory for it.
	maxQueue = 32 << 20
	// maxDrops is how many keys may wait to be dropped; one more empties the ledger.
	maxDrops = 1 << 16
	// startWait is how long after Open a question waits for the log to be looked
	// through: the listings of 100,000 directories take 0.13 s, but a sleeping drive takes
	// seconds.
	startWait = 2 * time.Second
	// readWait is how long one waits for the disk: a request to S3 takes less.
	readWait = 2 * time.Second
	// closeWait bounds Close.
	closeWait = 5 * time.Second
)

// Dir is the directory of the ledger's files: its own, closed to others, used by one
// process at a time, and without a way out through links. Errors are the file system's;
// of what is not there, or is no plain file, fs.ErrNotExist.
type Dir interface {
	Open(name string) (*os.File, error)   // to read and write
	Create(name string) (*os.File, error) // anew: what had the name is gone
	Rename(from, to string) error
	Remove(name string) error // nothing there is no error
	Sync() error
	// Room is how many bytes may be written now.
	Room() (int64, error)
}

// Config of a Ledger.
type Config struct {
	Dir Dir
	// View names all that answers depend on beside the key. Answers of other views
	// stay in the ledger, and are not found.
	View string
	// Limit is the most bytes on disk, while the log is written anew as well; 1 GiB
	// at most.
	Limit  int64
	Logger *slog.Logger
}

// Stats is how the ledger does.
type Stats struct {
	On      bool  // false after it has ended
	Bytes   int64 // of the log
	Records int64 // that can be found, of all views
	Found   int64 // answers given
	Damaged int64 // answers that were not given because they were damaged
	LeftOut int64 // answers that were not kept: the queue was full, or the disk
}

// Ledger is safe for concurrent use. Nothing in it fails: what is wrong with the disk is
// logged, and is an answer that is not there.
type Ledger struct {
	cfg   Config
	view  [16]byte
	disk  disk
	begun time.Time
	ready chan struct{} // closed when the log has been looked through
	work  chan struct{} // something is to be done
	done  sync.WaitGroup

	mu         sync.Mutex // guards the following
	file       *logFile   // nil before it is looked through and after the end
	index      index
	queue      []op
	queued     int64
	drops      int
	doomed     map[uint64]int   // drops that wait to be written, by hash
	marks      map[string]int64 // see mark
	unsaved    bool             // marks have changed
	waiting    []chan struct{}  // for them to be saved
	emptied    bool             // the log is to begin anew
	generation int              // of the index: of an older one nothing is entered
	writing    bool
	closing    bool
	ended      bool

	bytes, found, damaged, leftOut atomic.Int64
}

// op is something to be written: a put, or a drop, which has no body.
type op struct {
	what  byte
	hash  uint64
	asked int64
	parts [][]byte // key and body
}

// Open returns at once; the log is looked through in the background.
func Open(cfg Config) *Ledger { return open(cfg, realDisk()) }

func open(cfg Config, d disk) *Ledger {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	cfg.Limit = min(cfg.Limit, maxLog)
	l := &Ledger{
		cfg: cfg, view: viewOf(cfg.View), disk: d, begun: time.Now(), index: newIndex(), doomed: map[uint64]int{},
		marks: map[string]int64{}, ready: make(chan struct{}), work: make(chan struct{}, 1),
	}
	l.done.Go(l.run)
	return l
}

// Put keeps the answer to a question asked then, instead of older ones. The parts of
// the body are one after another; they are the ledger's and stay as they are.
func (l *Ledger) Put(kind byte, path string, asked time.Time, body ...[]byte) {
	key, hash := keyOf(l.view, kind, path)
	o := op{recordPut, hash, max(asked.UnixNano(), 0), append([][]byte{key}, body...)}
	l.mu.Lock()
	defer l.mu.Unlock()
	size := o.size()
	switch {
	case l.ended || l.closing:
	case size > l.cfg.Limit/4, l.queued > 0 && l.queued+size > maxQueue:
		l.leftOut.Add(1)
	default:
		l.queued += size
		l.addLocked(o)
	}
}

func (o *op) size() (n int64) {
	for _, p := range o.parts {
		n += int64(len(p))
	}
	return n
}

// Drop has the answer not be there any more.
func (l *Ledger) Drop(kind byte, path string) {
	_, hash := keyOf(l.view, kind, path)
	l.mu.Lock()
	defer l.mu.Unlock()
	_, known := l.index.places[hash]
	switch {
	case l.ended, l.file != nil && !known && !l.writing && len(l.queue) == 0:
		return
	case l.drops == maxDrops:
		l.emptyLocked()
		return
	}
	l.drops++
	l.doomed[hash]++
	l.addLocked(op{what: recordDrop, hash: hash})
}

// Clear drops all answers of all views; see Settle.
func (l *Ledger) Clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended {
		l.emptyLocked()
	}
}

// Settle returns when what was refreshed and cleared is so on disk, for a killed process
// too, or when that takes too long. Nobody else waits for it.
func (l *Ledger) Settle() {
	l.mu.Lock()
	if l.ended {
		l.mu.Unlock()
		return
	}
	saved := make(chan struct{})
	l.waiting = append(l.waiting, saved)
	l.nudge()
	l.mu.Unlock()
	wait(saved, readWait)
}

func (l *Ledger) emptyLocked() {
	l.index, l.queue, l.queued, l.drops = newIndex(), nil, 0, 0
	l.doomed, l.marks = map[uint64]int{}, map[string]int64{}
	l.emptied = true
	l.generation++
	l.nudge()
}

func (l *Ledger) addLocked(o op) {
	l.queue = append(l.queue, o)
	l.nudge()
}

func (l *Ledger) nudge() {
	select {
	case l.work <- struct{}{}:
	default:
	}
}

// Asked returns when the question was asked whose answer is kept. It asks the index
// only; before the log has been looked through it knows nothing.
func (l *Ledger) Asked(kind byte, path string) (time.Time, bool) {
	_, hash := keyOf(l.view, kind, path)
	l.mu.Lock()
	defer l.mu.Unlock()
	p, ok := l.placeLocked(hash)
	return believed(p.asked), ok && !l.coveredLocked(path, p.asked)
}

func (l *Ledger) placeLocked(hash uint64) (place, bool) {
	p, ok := l.index.places[hash]
	return p, ok && l.file != nil && l.doomed[hash] == 0
}

// Lacks reports whether Get would surely find nothing: it asks the index only.
func (l *Ledger) Lacks(kind byte, path string, since time.Time) bool {
	select {
	case <-l.ready:
	default:
		return false
	}
	_, hash := keyOf(l.view, kind, path)
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _, ok := l.findLocked(hash, path, since)
	return !ok
}

// findLocked returns the place of an answer that may be given.
func (l *Ledger) findLocked(hash uint64, path string, since time.Time) (p place, asked time.Time, ok bool) {
	p, ok = l.placeLocked(hash)
	asked = believed(p.asked)
	return p, asked, ok && !l.closing && !asked.Round(0).Before(since.Round(0)) && !l.coveredLocked(path, p.asked)
}

// believed is a question's moment as a time; the future is not believed, and is taken
// as long ago.
func believed(asked int64) time.Time {
	now := time.Now()
	if asked > now.UnixNano() {
		return time.Unix(0, 0)
	}
	// With a monotonic reading, so that it ages whatever the clock does.
	return now.Add(time.Duration(asked - now.UnixNano()))
}

// Get returns the answer to a question asked at since or later. The body is the
// caller's.
func (l *Ledger) Get(kind byte, path string, since time.Time) (body []byte, asked time.Time, ok bool) {
	key, hash := keyOf(l.view, kind, path)
	wait(l.ready, time.Until(l.begun.Add(startWait)))
	for range 3 { // the log may be written anew meanwhile
		l.mu.Lock()
		p, asked, found := l.findLocked(hash, path, since)
		file := l.file
		if !found {
			l.mu.Unlock()
			return nil, time.Time{}, false
		}
		l.done.Add(1)
		l.mu.Unlock()
		body, again := l.fetch(file, p, hash, key)
		if !again {
			return body, asked, body != nil
		}
	}
	return nil, time.Time{}, false
}

// fetch reads a record in a goroutine of its own, which a disk that hangs keeps.
func (l *Ledger) fetch(file *logFile, p place, hash uint64, key []byte) (body []byte, again bool) {
	type result struct {
		body []byte
		err  error
	}
	results := make(chan result, 1)
	go func() {
		defer l.done.Done()
		body, err := l.disk.readBody(file, p, hash, key)
		results <- result{body, err}
	}()
	timer := time.NewTimer(readWait)
	defer timer.Stop()
	var r result
	select {
	case r = <-results:
	case <-timer.C:
		r.err = context.DeadlineExceeded
	}
	switch {
	case r.err == nil:
		l.found.Add(1)
	case closed(r.err):
		return nil, true
	case damaged(r.err):
		l.damaged.Add(1)
		l.mu.Lock()
		if l.index.places[hash] == p {
			l.index.drop(hash)
		}
		l.mu.Unlock()
	default:
		l.end(r.err)
	}
	return r.body, false
}

// end is the ledger's for this session: a disk that fails is not asked twice. What is
// on it goes, since what is dropped from now on could not be.
func (l *Ledger) end(err error) {
	l.mu.Lock()
	already := l.ended
	if !already {
		l.ended = true
		l.emptyLocked()
	}
	l.mu.Unlock()
	if already {
		return
	}
	l.cfg.Logger.Warn("names are not kept on disk any more, until the next mount", "err", err)
}

// Stats returns the figures as of now.
func (l *Ledger) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Stats{
		On: !l.ended, Bytes: l.bytes.Load(), Records: int64(len(l.index.places)),
		Found: l.found.Load(), Damaged: l.damaged.Load(), LeftOut: l.leftOut.Load(),
	}
}

// Close writes what waits to be written, and waits for it for a bounded time.
func (l *Ledger) Close() error {
	l.mu.Lock()
	l.closing = true
	l.nudge()
	l.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.done.Wait()
	}()
	if !wait(done, closeWait) {
		l.cfg.Logger.Warn("the disk with the names does not answer")
		return context.DeadlineExceeded
	}
	return nil
}

// wait waits for c to be closed, and reports whether it is.
func wait(c <-chan struct{}, limit time.Duration) bool {
	select {
	case <-c:
		return true
	default:
	}
	if limit <= 0 {
		return false
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-c:
		return true
	case <-timer.C:
		return false
	}
}
