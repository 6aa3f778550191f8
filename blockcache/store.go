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
}

func newStore() store {
	return store{control: make(chan struct{}, 1), pages: map[int64]*page{}, punching: map[int64]chan struct{}{}}
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
		return false, s.fresh || !s.retry.IsZero() && time.Now().Before(s.retry)
	}
	return p.entries[index%pageEntries] != 0, true
}

// loadPresence opens the files and reads the page of a block, when nobody has
// done so yet. It returns nil when that is done, has failed or takes too long:
// then the block counts as absent.
func (o *object) loadPresence(ctx context.Context, index int64) error {
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
		if err := d.load(o, index); err != nil {
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
		return err
	}
	mu.Lock()
	s.pages[n] = p
	mu.Unlock()
	return nil
}

// attach looks for the files and opens them; without any the store is empty.
func (d *disk) attach(o *object) error {
	mu, s := &d.c.mem.mu, &o.store
	mu.Lock()
	busy := d.busy[o.id]
	mu.Unlock()
	if busy != nil {
		select {
		case <-busy:
		case <-d.ctx.Done():
			return d.ctx.Err()
		}
	}
	f, err := d.openFiles(o.header())
	mu.Lock()
	defer mu.Unlock()
	switch {
	case err == nil:
		s.state, s.files = storeOpen, f
		if d.index[o.id] != nil {
			s.counted = math.MaxInt64
		}
	case errors.Is(err, errDamaged), errors.Is(err, unix.ENOENT):
		d.forgetLocked(o.id)
		s.state = storeEmpty
	default:
		return err
	}
	return nil
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
	if o.store.state != storeOpen {
		return
	}
	d, f := o.c.disk, o.store.files
	o.store.state = storeEmpty
	if !d.spawnLocked(f.close) {
		d.left = append(d.left, f)
	}
}
