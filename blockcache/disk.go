package blockcache

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// readTimeout is how long the disk may take for one read before it counts
	// as hung: far above a sleeping drive's start under load, far below what a
	// user takes for a hang.
	readTimeout = 4 * time.Second
	// drainTimeout bounds how long Close writes, and then waits for a hung disk.
	drainTimeout = 5 * time.Second
	// smallRead is the longest range read by itself from a verified block; more
	// comes by way of the whole block, and without a copy.
	smallRead = 128 << 10
	// maxReads is how many reads of the disk run at once.
	maxReads = 32
	// tolerated is how many reads in a row may fail before the disk is left
	// alone for a while, and evictions before it counts as one that lets nothing
	// go: a bad sector is no bad disk.
	tolerated = 3
)

// disk keeps blocks in files. Readers never wait for it longer than readTimeout
// and never for a write: what blocks on it runs in goroutines of its own.
//
// What is on disk is known from the pages of the maps in memory, guarded, as all
// fields below the line, by Memory.mu.
type disk struct {
	c    *Cache
	sys  syscalls
	home *home
	log  *slog.Logger

	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	slots   chan struct{} // one for each read under way
	token   chan struct{} // held by who evicts: one at a time
	swept   chan struct{} // closed once all is counted; nothing is written before
	lowered chan struct{} // the budget, or what must fit into it
	small   int64         // see smallRead
	session session
	onZFS   bool
	clean   []uint64      // sessions whose seals are on the disk for certain
	wrote   chan struct{} // a token: something was written since the last look for a loss
	syncing chan struct{} // a token: who syncs

	finishers chan struct{} // one for each version being sealed
	writers   int
	scraps    sync.Pool // of *[]byte of size small

	queue            *writeQueue
	stopping         bool
	left             []files // to be closed at the end
	reading, writing backoff
	cause            string // of the pause that was logged last
	index            map[identity]*cached
	allMet           bool // the sweep has met all versions: what is not in index is not there
	order            *order
	empty            map[identity]bool          // of which all was evicted
	busy             map[identity]chan struct{} // being removed or counted
	present, pending int64
	pins             map[identity]int64 // size of the object
	short            shortage
	minFree          int64
	looking          chan struct{} // a token: who asks for the free space
	saved            uint64        // the order's state that was written down
	noPunch          bool          // the file system cannot free a part of a file
	dirty            bool          // this session has written or sealed something
	distrusted       bool          // see Cache.Distrust
	lost             bool          // in this boot, some of what was written did not come to the disk
	doubted          bool          // or so it may be, of what was written before the start: nothing counts as verified
	finishing        int           // versions being sealed
	finished         chan struct{} // closed when there are none, while closing
}

func openDisk(c *Cache, sys syscalls) (*disk, error) {
	if c.cfg.Dir == "" {
		return nil, errors.New("blockcache: no cache directory")
	}
	h, err := openHome(c.cfg)
	if err != nil {
		return nil, err
	}
	// Writers and readers of a hung disk keep their buffers; together they must
	// never hold half of the memory.
	share := int(max(2, c.mem.limit/c.blockSize/8))
	d := &disk{
		c: c, sys: sys, home: h, log: c.cfg.Logger,
		slots:   make(chan struct{}, min(maxReads, share)),
		token:   make(chan struct{}, 1),
		swept:   make(chan struct{}),
		small:   min(smallRead, c.blockSize/2),
		reading: backoff{tolerated: tolerated},
		index:   map[identity]*cached{},
		order:   newOrder(c.cfg.Budget, c.blockSize),
		empty:   map[identity]bool{},
		pins:    map[identity]int64{},
		minFree: c.cfg.MinFree,
		lowered: make(chan struct{}, 1),
		looking: make(chan struct{}, 1),
		wrote:   make(chan struct{}, 1),
		syncing: make(chan struct{}, 1),
		busy:    map[identity]chan struct{}{},
	}
	d.session, d.finishers = newSession(sys, h.fd), make(chan struct{}, maxFinish)
	d.onZFS, d.clean = d.filesystem() == "zfs", h.loadClean()
	if !d.onZFS {
		d.lost = h.hasLost(d.session.boot)
		d.doubted = h.begin() && !d.lost
	}
	d.scraps.New = func() any { p := make([]byte, d.small); return &p }
	d.ctx, d.cancel = context.WithCancel(context.Background())
	limit := min(c.mem.limit/2, max(c.cfg.WriteQueue, c.blockSize))
	d.queue = &writeQueue{d: d, limit: limit, ready: make(chan struct{}, 1)}
	d.writers = min(max(2, runtime.NumCPU()), share)
	return d, nil
}

// start starts what runs in the background.
func (d *disk) start() {
	d.c.mem.mu.Lock()
	d.c.mem.queues = append(d.c.mem.queues, d.queue)
	d.c.mem.mu.Unlock()
	d.wg.Go(d.sweep)
	d.wg.Go(d.tend)
	if !d.onZFS {
		d.wg.Go(d.watchLoss)
	}
	for range d.writers {
		d.wg.Go(d.writer)
	}
}

// spawnLocked runs fn in a goroutine that close waits for.
func (d *disk) spawnLocked(fn func()) bool {
	if d.stopping {
		return false
	}
	d.wg.Go(fn)
	return true
}

// close drains the queue, stops everything and gives up the lock.
func (d *disk) close() error {
	d.queue.drain(drainTimeout)
	d.awaitFinish()
	m := d.c.mem
	m.mu.Lock()
	d.stopping = true
	m.mu.Unlock()
	d.cancel()
	done := make(chan struct{})
	go func() {
		d.wg.Wait()
		d.saveOrder()
		close(done)
	}()
	timer := time.NewTimer(drainTimeout)
	defer timer.Stop()
	var err error
	select {
	case <-done:
		d.closeFiles()
		if err = d.leaveClean(); err == nil {
			unix.Close(d.home.fd)
		}
	case <-timer.C:
		// All but the lock stays open: a call that returns after all must not
		// find a number that was given to another file.
		_ = unix.Flock(d.home.fd, unix.LOCK_UN)
		err = errors.New("blockcache: the disk of the cache does not answer")
	}
	d.queue.detach()
	m.mu.Lock()
	lock := d.home.lock
	m.mu.Unlock()
	unix.Close(lock)
	return err
}

// leaveClean lets the next session believe what this one has sealed, whatever
// happens to the machine. On ZFS it does anyway.
func (d *disk) leaveClean() error {
	m := d.c.mem
	m.mu.Lock()
	dirty := d.dirty
	needed := !d.onZFS && !d.lost && (dirty || !d.doubted)
	m.mu.Unlock()
	if !needed {
		return nil // or the next one asks
	}
	done := make(chan error, 1)
	go func() { done <- d.endSession(dirty) }()
	timer := time.NewTimer(drainTimeout)
	defer timer.Stop()
	select {
	case err := <-done:
		if err != nil {
			d.log.Warn("cannot sync the cache; it is verified at the next start", "dir", d.home.path, "err", err)
		}
		return nil
	case <-timer.C:
		return errors.New("blockcache: the disk of the cache is slow to sync; what was cached is verified after the next boot")
	}
}

// endSession takes back that this session's writes may be lost, once that is known.
func (d *disk) endSession(dirty bool) error {
	if dirty {
		d.syncing <- struct{}{}
		defer func() { <-d.syncing }()
		mu := &d.c.mem.mu
		mu.Lock()
		s := d.session
		mu.Unlock()
		if err := d.home.saveClean(d.sys, d.clean, s); err != nil {
			return err
		}
	}
	d.home.end()
	return nil
}

// closeFiles closes what abandoned handles left open.
func (d *disk) closeFiles() {
	m := d.c.mem
	m.mu.Lock()
	left := d.left
	for _, o := range d.c.objects {
		left = append(left, o.store.condemned...)
		o.store.condemned = nil
		if o.store.state == storeOpen {
			left = append(left, o.store.files)
			o.store.state = storeEmpty
		}
	}
	m.mu.Unlock()
	for _, f := range left {
		f.close()
	}
}

// filesystem names the file system of the directory.
func (d *disk) filesystem() string { return d.sys.filesystem(d.home.fd) }

// readFailed counts a failed read of the disk.
func (d *disk) readFailed(err error) {
	d.c.counts.readErrors.Add(1)
	d.c.mem.mu.Lock()
	began := d.reading.failed(time.Now())
	d.c.mem.mu.Unlock()
	if began {
		d.log.Warn("cache disk cannot be read; reading from the source instead", "dir", d.home.path, "err", err)
	}
}

func (d *disk) readSucceeded() {
	d.c.mem.mu.Lock()
	ended := d.reading.succeeded()
	d.c.mem.mu.Unlock()
	if ended {
		d.log.Info("cache disk can be read again", "dir", d.home.path)
	}
}

// readHungLocked leaves the disk alone because a read does not return.
func (d *disk) readHungLocked() {
	d.c.counts.readErrors.Add(1)
	if d.reading.block(time.Now()) {
		d.spawnLocked(func() {
			d.log.Warn("cache disk does not answer; reading from the source instead", "dir", d.home.path)
		})
	}
}

// writeFailed pauses caching, with one line in the log for each cause.
func (d *disk) writeFailed(err error) {
	d.c.counts.writeErrors.Add(1)
	if errors.Is(err, unix.ENOENT) && d.rehome() {
		d.log.Warn("the cache directory was removed; made it anew", "dir", d.home.path)
		return
	}
	cause := fmt.Sprint(unwrapErrno(err))
	d.c.mem.mu.Lock()
	d.writing.failed(time.Now())
	news := d.cause != cause
	d.cause = cause
	d.c.mem.mu.Unlock()
	if news {
		d.log.Warn("cannot write to the cache; caching pauses", "dir", d.home.path, "err", err)
	}
	if diskFull(err) {
		d.makeWay()
	}
}

func (d *disk) writeSucceeded() {
	d.c.mem.mu.Lock()
	ended := d.writing.succeeded()
	if ended {
		d.cause = ""
	}
	d.c.mem.mu.Unlock()
	if ended {
		d.log.Info("caching again", "dir", d.home.path)
	}
}

func unwrapErrno(err error) error {
	var errno unix.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}
