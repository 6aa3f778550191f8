package blockcache

import (
	"context"
	"errors"
	"math"
	"time"

	"golang.org/x/sys/unix"
)

type storeState int

const (
	storeClosed storeState = iota // not looked for yet
	storeEmpty                    // no files, or none of use
	storeOpen
)

// store is an open object's part of the disk. Guarded by Memory.mu, but for
// control.
type store struct {
	control chan struct{} // held by who opens, makes or reads the files

	state    storeState
	files    files
	retry    time.Time // after an error: nothing is there until then
	pages    map[int64]*page
	counted  int64                   // pages below this are in the accounting
	punching map[int64]chan struct{} // blocks whose space is being freed, until closed
	gen      uint64                  // raised when a block goes: a read that overlapped is void
	hand     int64                   // where eviction goes on
	fresh    bool                    // made by us: what has no page yet is absent
	stamp    stamp
	writing  int    // our writes to the data under way
	writes   uint64 // and ended

	present, verified int64 // blocks, in the pages that are loaded
	old               *seal // as found in the map; nil when there was none
	sealed            bool  // all is there and verified, and the map says so
	proof             Proof // of what is sealed
	finishing         bool  // see finish
	kernel            *kernelUse
	damaged           map[int64]bool // blocks that were dropped as damaged, until they are whole again
	condemned         []files        // of former selves, which reads under way may still use
}

func newStore() store {
	return store{
		control: make(chan struct{}, 1), pages: map[int64]*page{}, punching: map[int64]chan struct{}{},
		kernel: &kernelUse{}, damaged: map[int64]bool{},
	}
}

// setPageLocked takes a page of the map that was read.
func (s *store) setPageLocked(n int64, p *page) {
	s.pages[n] = p
	present, verified := p.count()
	s.present += present
	s.verified += verified
}

// setEntryLocked makes a block present that was written.
func (s *store) setEntryLocked(index int64, crc uint64) {
	p, i := s.pages[index/pageEntries], index%pageEntries
	p.entries[i] = crc
	s.present++
}

// verifyLocked takes note that a present block is what its entry says.
func (s *store) verifyLocked(index int64) {
	p, i := s.pages[index/pageEntries], index%pageEntries
	if !p.isVerified(i) {
		p.verified[i/64] |= 1 << (i % 64)
		s.verified++
	}
}

// clearEntryLocked makes a block absent.
func (s *store) clearEntryLocked(index int64) {
	p, i := s.pages[index/pageEntries], index%pageEntries
	if p.isVerified(i) {
		p.verified[i/64] &^= 1 << (i % 64)
		s.verified--
	}
	p.entries[i] = 0
	s.present--
	s.sealed = false
}

// distrustLocked makes every block one to be compared with its checksum again.
func (s *store) distrustLocked() {
	s.gen++
	for _, p := range s.pages {
		clear(p.verified[:])
	}
	s.verified, s.sealed, s.old = 0, false, nil
}

func (o *object) header() header { return header{o.id, o.size, o.c.blockSize} }

// onDiskLocked reports whether a block is on disk and can be read; known is
// false when its page must be loaded first.
func (o *object) onDiskLocked(index int64) (present, known bool) {
	d, s := o.c.disk, &o.store
	if d == nil || d.stopping || s.state == storeEmpty {
		return false, true
	}
	if d.reading.pause > 0 && d.reading.blocked(time.Now()) {
		return false, true
	}
	p := s.pages[index/pageEntries]
	if p == nil {
		return false, s.fresh || s.state == storeClosed && d.unknownLocked(o.id) ||
			!s.retry.IsZero() && time.Now().Before(s.retry)
	}
	return p.entries[index%pageEntries] != 0, true
}

// loadPresence opens the files and reads the page of a block, when nobody has
// done so yet. It returns nil when that is done, has failed or takes too long:
// then the block counts as absent.
func (o *object) loadPresence(ctx context.Context, index int64) error {
	return o.withFiles(ctx, func(d *disk) error { return d.load(o, index) })
}

// withFiles calls fn with the object's control held, in a goroutine that a hung
// disk can keep. It returns the context's error, and nil otherwise, whether fn has
// ended or not.
func (o *object) withFiles(ctx context.Context, fn func(*disk) error) error {
	d, mu := o.c.disk, &o.c.mem.mu
	if !d.admitRead() {
		return nil
	}
	timer := time.NewTimer(readTimeout)
	defer timer.Stop()
	done := make(chan struct{})
	select {
	case o.store.control <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		mu.Lock()
		d.readHungLocked()
		mu.Unlock()
		return nil
	}
	mu.Lock()
	o.users++
	started := d.spawnLocked(func() {
		if err := fn(d); err != nil {
			d.loadFailed(o, err)
		} else {
			d.readSucceeded()
		}
		mu.Lock()
		o.users--
		o.forgetIfUnusedLocked()
		mu.Unlock()
		<-o.store.control
		close(done)
	})
	if !started {
		o.users--
		o.store.state = storeEmpty
		<-o.store.control
	}
	mu.Unlock()
	if !started {
		return nil
	}
	select {
	case <-done:
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		mu.Lock()
		d.readHungLocked()
		mu.Unlock()
	}
	return nil
}

// load opens the files if need be and reads the page of a block. The caller
// holds the object's control.
func (d *disk) load(o *object, index int64) error {
	mu, s := &d.c.mem.mu, &o.store
	mu.Lock()
	state := s.state
	mu.Unlock()
	if state == storeClosed {
		if err := d.attach(o); err != nil {
			return err
		}
	}
	n := index / pageEntries
	mu.Lock()
	if s.fresh && s.pages[n] == nil {
		s.pages[n] = new(page)
	}
	f, needed := s.files, s.state == storeOpen && s.pages[n] == nil
	mu.Unlock()
	if !needed {
		return nil
	}
	p, err := d.readPage(f, o.header(), n)
	if err != nil {
		if errors.Is(err, unix.EIO) { // as in openFiles; the caller has the control
			mu.Lock()
			d.condemnLaterLocked(o, f)
			mu.Unlock()
		}
		return err
	}
	mu.Lock()
	s.setPageLocked(n, p)
	mu.Unlock()
	return nil
}

// unknownLocked reports whether a version has no files of use for certain: it was
// not met by the sweep, and nothing of it was written since. That spares the first
// read of a new object six system calls and a goroutine.
func (d *disk) unknownLocked(id identity) bool {
	return d.allMet && d.index[id] == nil && d.busy[id] == nil
}

// attach looks for the files and opens them; without any the store is empty.
func (d *disk) attach(o *object) error {
	mu, s := &d.c.mem.mu, &o.store
	mu.Lock()
	busy, unknown := d.busy[o.id], d.unknownLocked(o.id)
	if unknown {
		s.state = storeEmpty
	}
	mu.Unlock()
	if unknown {
		return nil
	}
	if busy != nil {
		select {
		case <-busy:
		case <-d.ctx.Done():
			return d.ctx.Err()
		}
	}
	f, old, err := d.openFiles(o.header())
	mu.Lock()
	met := d.index[o.id] != nil
	switch {
	case err == nil:
		s.state, s.files, s.old = storeOpen, f, old
		if met {
			s.counted = math.MaxInt64
		}
	case errors.Is(err, errDamaged), errors.Is(err, unix.ENOENT):
		d.forgetLocked(o.id)
		s.state, err = storeEmpty, nil
	}
	open := s.state == storeOpen
	mu.Unlock()
	if !open {
		return err
	}
	select {
	case <-d.swept:
		if !met { // the sweep failed on it
			err = d.countPages(o)
			d.wakeTend()
		}
	default:
	}
	return err
}

// loadFailed makes the object's blocks absent for a moment.
func (d *disk) loadFailed(o *object, err error) {
	d.c.mem.mu.Lock()
	o.store.retry = time.Now().Add(firstPause)
	d.c.mem.mu.Unlock()
	if errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) {
		return // our limits, not the disk's
	}
	d.readFailed(err)
}

// releaseFilesLocked closes an unused object's files.
func (o *object) releaseFilesLocked() {
	left := o.store.condemned
	o.store.condemned = nil
	if o.store.state == storeOpen {
		left = append(left, o.store.files)
		o.store.state = storeEmpty
	}
	if len(left) == 0 {
		return
	}
	d := o.c.disk
	if !d.spawnLocked(func() { closeAll(left) }) {
		d.left = append(d.left, left...)
	}
}

func closeAll(all []files) {
	for _, f := range all {
		f.close()
	}
}
