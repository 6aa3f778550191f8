package ledger

import (
	"context"
	"log/slog"
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

func (l *Ledger) nudge() {
	select {
	case l.work <- struct{}{}:
	default:
	}
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
