package prefetch

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zs3fs/zs3fs/blockcache"
	"github.com/zs3fs/zs3fs/s3backend"
)

// Config of a Crew; sizes in bytes.
type Config struct {
	Cache  *blockcache.Cache
	Source blockcache.Source
	Memory *blockcache.Memory
	// Connections is the most requests at once, demand and guesses together. Guesses
	// have three quarters of them, or fewer where the path does not reward as many, or
	// where all that may be read ahead is on its way.
	Connections int
	// Throttled returns how often the server has refused a request as one too many.
	// Nil: never.
	Throttled func() int64
	// RequestSize is the size of a request in steady state: 8 MiB.
	RequestSize int64
	// MaxWindow bounds how far all streams together read ahead; 0 turns reading ahead off.
	MaxWindow int64
	// Stride is how many bytes the kernel reads ahead of a reader at once, 0 where there
	// is no kernel between.
	Stride int64
	Logger *slog.Logger
}

// Crew fetches for all open files of a mount. All methods may be called
// concurrently.
type Crew struct {
	cfg     Config
	ctx     context.Context // of all flights
	cancel  context.CancelFunc
	files   files
	sharers sharers
	tables  tables
	wg      sync.WaitGroup // of the goroutines, one a running job or a file to learn of
	footers chan struct{}  // one a footer in memory
	chunks  atomic.Int64   // of columns, that are kept

	mu     sync.Mutex // guards what follows
	queue  *queue
	width  width
	heeded int64 // refusals that width knows of
	stats  Stats
	closed bool
}

// New returns a crew without any request running.
func New(cfg Config) *Crew {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Throttled == nil {
		cfg.Throttled = func() int64 { return 0 }
	}
	ctx, cancel := context.WithCancel(context.Background())
	q := newQueue(cfg.Connections, guessesOnTheirWay(cfg.MaxWindow, cfg.RequestSize, cfg.Cache.BlockSize()))
	return &Crew{cfg: cfg, ctx: ctx, cancel: cancel, queue: q, width: newWidth(q.guessing), footers: make(chan struct{}, 2)}
}

// Open returns a reader of one version; it does no I/O.
func (c *Crew) Open(obj s3backend.Object) *Reader {
	return &Reader{file: c.files.enter(c, obj), obj: obj}
}

// Stats returns the counters as of now.
func (c *Crew) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats
	s.Running = int64(len(c.queue.running))
	s.Queued = int64(len(c.queue.demands) + c.queue.guesses)
	s.Streams = int64(c.sharers.others(nil, time.Now()))
	s.ColumnChunks = c.chunks.Load()
	s.Limit, s.GuessLimit = int64(c.queue.connections), int64(c.queue.guessing)
	return s
}

// Close cancels every request and waits for their goroutines. Readers get
// context.Canceled.
func (c *Crew) Close() error {
	c.mu.Lock()
	c.closed = true
	dropped := c.queue.dropAll()
	c.mu.Unlock()
	c.cancel()
	for _, j := range dropped {
		c.settle(j, context.Canceled)
	}
	c.wg.Wait()
	return nil
}

// Stats counts jobs, and how they ended. A job is one request, or none when
// somebody else has fetched its blocks meanwhile.
type Stats struct {
	// Demands and Guesses are the jobs that were started.
	Demands, Guesses int64
	// Refused counts the reads that ended in ErrUnneeded.
	Refused int64
	// Cancelled counts the guesses given up, queued or running, because the reader
	// went elsewhere or came before they began, or another of his guesses failed.
	Cancelled int64
	// Failed counts the guesses that failed; no read fails for that.
	Failed int64
	// Panics counts the jobs and footers that ended in a panic, which was made an error.
	Panics int64
	// Running and Queued are as of now.
	Running, Queued int64
	// Streams is how many have asked for something ahead of their readers and were read
	// within the last second: they share MaxWindow.
	Streams int64
	// ColumnChunks is how many column chunks of Parquet files are known, from footers that
	// were read.
	ColumnChunks int64
	// Limit is how many may run at once, and GuessLimit how many guesses now.
	Limit, GuessLimit int64
}

// demand queues a job for a reader who waits. If the crew is closed the job has
// ended already.
func (c *Crew) demand(r *Reader, s span) *job {
	j := newJob(r, s, true)
	c.submit(func() { c.queue.addDemand(j) }, j)
	return j
}

// guesses reports whether there is a connection for any: a single one is kept for demand.
func (c *Crew) guesses() bool { return c.width.most > 0 }

// guess queues jobs for blocks from some distance ahead of the reader on. What has no
// chance of a connection need not wait for one; demands are as long for it (see widen).
func (c *Crew) guess(r *Reader, at int64, spans []span) (jobs []*job) {
	if !c.guesses() {
		return nil
	}
	for _, s := range spans {
		j := newJob(r, s, false)
		distance := max(s.first-at, at-s.first)
		c.submit(func() { c.queue.addGuess(j, distance) }, j)
		jobs = append(jobs, j)
	}
	return jobs
}

// start has a goroutine of the crew's do something, unless it is closed.
func (c *Crew) start(do func()) (started bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.wg.Go(do)
	return true
}

// refuse counts a read that is not worth a request.
func (c *Crew) refuse() {
	c.mu.Lock()
	c.stats.Refused++
	c.mu.Unlock()
}

// submit queues j and starts what can be started.
func (c *Crew) submit(add func(), j *job) {
	if !j.owner.acquire() {
		j.finish(errClosed)
		return
	}
	c.mu.Lock()
	closed := c.closed
	if !closed {
		add()
		c.startLocked()
	}
	c.mu.Unlock()
	if closed {
		c.settle(j, context.Canceled)
	}
}

// withdraw takes back a demand for which nobody waits any more, if it still waits
// for a connection.
func (c *Crew) withdraw(j *job) {
	c.mu.Lock()
	withdrawn := c.queue.withdraw(j)
	c.mu.Unlock()
	if withdrawn {
		c.settle(j, context.Canceled)
	}
}

// drop ends the reader's guesses that end within s.
func (c *Crew) drop(r *Reader, s span) {
	c.mu.Lock()
	queued, running := c.queue.drop(r, s)
	running = slices.DeleteFunc(running, (*job).isCancelled) // counted already, and not over yet
	c.stats.Cancelled += int64(len(queued) + len(running))
	c.mu.Unlock()
	for _, j := range queued {
		c.settle(j, context.Canceled)
	}
	for _, j := range running {
		j.cancel()
	}
}

// dropQueued ends the reader's guesses that have not been started.
func (c *Crew) dropQueued(r *Reader) {
	c.giveUp(func() []*job {
		queued, _ := c.queue.drop(r, everything)
		return queued
	})
}

// overtake ends the reader's guesses in s that have not been started, as somebody waits for s.
// Or, where demands leave them no connections, they would wait for as long as the object is
// read (64 readers of 256 blocks: 2337 guesses waited, and now 214).
func (c *Crew) overtake(r *Reader, s span) {
	c.giveUp(func() []*job { return c.queue.overtake(r, s) })
}

// giveUp ends guesses that take takes out of the queue.
func (c *Crew) giveUp(take func() []*job) {
	c.mu.Lock()
	queued := take()
	c.stats.Cancelled += int64(len(queued))
	c.mu.Unlock()
	for _, j := range queued {
		c.settle(j, context.Canceled)
	}
}

// everything is all blocks of any object.
var everything = span{0, math.MaxInt64}

// startLocked starts jobs as long as there are connections for them.
func (c *Crew) startLocked() {
	if n := c.cfg.Throttled(); n > c.heeded {
		c.heeded = n
		c.width.throttled(time.Now())
		c.queue.guessing = c.width.now
	}
	for !c.closed {
		j := c.queue.next()
		if j == nil {
			return
		}
		if j.demand {
			c.stats.Demands++
		} else {
			c.stats.Guesses++
		}
		c.wg.Go(func() { c.run(j) })
	}
}

// run does a job and gives its connection to the next.
func (c *Crew) run(j *job) {
	began := time.Now()
	n, err := c.fetch(j)
	failed := err != nil && !j.demand && !j.isCancelled() && c.ctx.Err() == nil
	if failed {
		j.owner.guessFailed(err)
	}
	c.mu.Lock()
	if failed {
		c.stats.Failed++
	}
	c.queue.done(j)
	c.startLocked()
	if err == nil && !j.demand && n > 0 {
		// The next ones run already, or a width of one would always look like a pause.
		now := time.Now()
		if 2*n >= c.cfg.RequestSize {
			c.width.ended(now, n, now.Sub(began), c.cfg.Cache.Fetched(), c.queue.guessed)
		} else {
			c.width.endedSmall(now)
		}
		c.queue.guessing = c.width.now
		c.startLocked()
	}
	c.mu.Unlock()
	c.settle(j, err)
}

// fetch claims what is missing of the job's blocks and fetches it, n bytes. Usually
// that is one run; two when somebody else has begun on some in the middle.
func (c *Crew) fetch(j *job) (n int64, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = c.panicked("fetching", j.owner.Object().Key, p)
		}
	}()
	for s := j.span; s.n > 0 && !j.isCancelled(); {
		f := j.owner.version.Claim(s.first, s.n, j.demand)
		if f == nil {
			return n, nil
		}
		j.hold(f)
		j.begin()
		err := f.Run(c.ctx, c.cfg.Source)
		j.hold(nil)
		if err != nil {
			return n, err
		}
		first, blocks := f.Range()
		n += blocks * j.owner.block
		s = span{first + blocks, s.end() - first - blocks}
	}
	return n, nil
}

// panicked makes an error of a panic, of what was done to an object.
func (c *Crew) panicked(doing, key string, p any) error {
	c.mu.Lock()
	c.stats.Panics++
	c.mu.Unlock()
	err := fmt.Errorf("prefetch: panic while %s: %v", doing, p)
	c.cfg.Logger.Error("panic while "+doing, "key", key, "panic", p, "stack", string(debug.Stack()))
	return err
}

// settle tells those who wait that j is over.
func (c *Crew) settle(j *job, err error) {
	j.finish(err)
	j.owner.release()
}
