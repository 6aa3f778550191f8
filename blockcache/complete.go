package blockcache

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// Event is what a version's watchers are told.
type Event int

const (
	// Ready: the version is complete and sealed; see Version.Passthrough.
	Ready Event = iota
	// Disproved: what was read of the version is not the object's. Whoever keeps
	// bytes of it must forget them.
	Disproved
)

// maxFinish is how many versions are sealed and proved at once: each may cost a
// request, and for want of a better checksum a read of the whole.
const maxFinish = 4

// askAgain is how long a server that could not be asked for a checksum is left
// alone.
const askAgain = time.Minute

// wholeLocked reports whether every block is on disk and was compared with its
// checksum, and is not doubted for another reason.
func (o *object) wholeLocked() bool {
	s := &o.store
	return !o.c.disk.doubted && s.state == storeOpen && s.present == o.count() && s.verified == s.present
}

// finishLocked begins to prove and seal a version that has become whole, and does
// nothing for others. It is called wherever a block is written or verified.
func (d *disk) finishLocked(o *object) {
	s := &o.store
	if s.finishing || !o.wholeLocked() || s.sealed && (s.proof != Unproved || d.askedLocked(o.id)) {
		return
	}
	s.finishing = true
	o.users++
	d.finishing++
	if !d.spawnLocked(func() { d.finish(o) }) {
		d.finishing--
		s.finishing = false
		o.users--
	}
}

// askedLocked reports whether the server was asked for a checksum just now.
func (d *disk) askedLocked(id identity) bool {
	e := d.index[id]
	return e != nil && time.Since(e.asked) < askAgain
}

// awaitFinish lets what has just become whole be sealed, so that the next session
// need not verify it.
func (d *disk) awaitFinish() {
	d.c.mem.mu.Lock()
	done := make(chan struct{})
	d.finished = done
	d.finishedLocked()
	d.c.mem.mu.Unlock()
	timer := time.NewTimer(drainTimeout)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

func (d *disk) finishedLocked() {
	if d.finishing == 0 && d.finished != nil {
		close(d.finished)
		d.finished = nil
	}
}

func (d *disk) finish(o *object) {
	mu, s := &d.c.mem.mu, &o.store
	wrong, gen := false, uint64(0)
	defer func() {
		mu.Lock()
		s.finishing = false
		if s.gen != gen {
			d.finishLocked(o) // blocks went and came meanwhile
		}
		o.users--
		o.forgetIfUnusedLocked()
		d.finishing--
		d.finishedLocked()
		mu.Unlock()
	}()
	select {
	case d.finishers <- struct{}{}:
		defer func() { <-d.finishers }()
	case <-d.ctx.Done():
		return
	}
	mu.Lock()
	if !o.wholeLocked() {
		mu.Unlock()
		return
	}
	entries, f := o.entriesLocked(), s.files
	gen = s.gen
	mu.Unlock()
	sum := combined(o.header(), entries)
	j := d.judge(o, f, sum)
	mu.Lock()
	before, known := d.c.disproofs[o.id]
	// The same bytes came twice: then it is the ETag that is no MD5.
	if j.wrong && j.etag && known && before.sum == sum {
		j = judgement{proof: Unprovable}
	}
	wrong = j.wrong && s.files == f && s.gen == gen
	mu.Unlock()
	if wrong {
		d.disproved(o, f, sum, j)
		return
	}
	if d.seal(o, f, gen, seal{sum: sum, proof: j.proof}) {
		d.c.counts.sealed(j.proof)
		o.tell(Ready)
	}
}

// seal writes down that a version is whole. It fails when it no longer is.
func (d *disk) seal(o *object, f files, gen uint64, s seal) bool {
	var failed error
	select {
	case o.store.control <- struct{}{}:
		defer func() {
			<-o.store.control
			if failed != nil {
				d.writeFailed(failed) // which may evict, and for that take the control
			}
		}()
	case <-d.ctx.Done():
		return false
	}
	mu, now := &d.c.mem.mu, &o.store
	st := f.statData()
	mu.Lock()
	// What others changed since our last write or look must not be sealed.
	ok := st != nil && o.wholeLocked() && now.files == f && now.gen == gen && now.stamp.known && now.writing == 0 &&
		!now.noticeLocked(st, now.writes)
	s.session = d.session
	mu.Unlock()
	if !ok {
		return false
	}
	s.state = stateOf(st)
	if f.writable {
		// A seal that is not written is missed by the next session only.
		failed = d.sys.writeFull(f.entries, s.encode(), sealOffset)
	}
	mu.Lock()
	defer mu.Unlock()
	if !o.wholeLocked() || now.files != f || now.gen != gen {
		return false
	}
	now.sealed, now.proof = true, s.proof
	d.dirty = true
	return true
}

// adopt believes the seal that was found in the map, if it is true of what is
// there now. The caller holds the control.
func (d *disk) adopt(o *object) error {
	mu, s, h := &d.c.mem.mu, &o.store, o.header()
	mu.Lock()
	old, f := s.old, s.files
	ok := s.state == storeOpen && !s.sealed && old != nil && d.believedLocked(*old)
	mu.Unlock()
	if !ok {
		return nil
	}
	for n := range h.pages() {
		if err := d.load(o, n*pageEntries); err != nil {
			return err
		}
	}
	var st unix.Stat_t
	if err := unix.Fstat(f.data, &st); err != nil {
		return err
	}
	mu.Lock()
	defer mu.Unlock()
	if s.old != old {
		return nil // it was taken back while the pages were read; see Distrust
	}
	s.old = nil
	if s.state != storeOpen || s.files != f || s.present != h.count() || s.writing > 0 || s.writes > 0 ||
		stateOf(&st) != old.state || combined(h, o.entriesLocked()) != old.sum {
		return nil
	}
	for i := range h.count() {
		s.verifyLocked(i)
	}
	s.stamp = stamp{true, old.state, st.Size, s.writes}
	s.sealed, s.proof = true, old.proof
	return nil
}

// condemn gives up a version's files: damaged bytes under the eyes of the kernel
// must not be replaced by others, nor by holes, so the files go and are made anew.
// Reads that use them go on; what the kernel still reads from stays in the
// accounting until it is closed.
func (d *disk) condemn(o *object, f files) {
	mu, s := &d.c.mem.mu, &o.store
	select {
	case s.control <- struct{}{}:
		defer func() { <-s.control }()
	case <-d.ctx.Done():
		return
	}
	mu.Lock()
	if s.state != storeOpen || s.files != f {
		mu.Unlock()
		return
	}
	s.condemned = append(s.condemned, s.files)
	s.state, s.files, s.pages, s.fresh = storeEmpty, files{}, map[int64]*page{}, false
	s.present, s.verified, s.sealed, s.old, s.proof = 0, 0, false, nil, Unproved
	s.gen++
	for _, b := range o.blocks {
		b.onDisk = false
		b.refileLocked()
	}
	held := s.kernel
	s.kernel = &kernelUse{}
	mu.Unlock()
	dir, err := d.shard(o.id, false)
	if err == nil {
		_, name := o.id.names()
		err = removePair(dir, name)
		unix.Close(dir)
	}
	mu.Lock()
	defer mu.Unlock()
	if err != nil && !errors.Is(err, unix.ENOENT) { // else somebody has removed the directory
		return // it is still there, and counted
	}
	// Only now: the kernel may have closed it meanwhile.
	if e := d.index[o.id]; e != nil && held.handles > 0 {
		held.bytes = e.bytes
	}
	d.forgetLocked(o.id)
	d.addPresentLocked(held.bytes)
}

// condemnLaterLocked is condemn for who may hold the object's control.
func (d *disk) condemnLaterLocked(o *object, f files) {
	o.users++
	if !d.spawnLocked(func() { d.condemn(o, f); o.leave() }) {
		o.users--
	}
}

// tell tells the watchers of a version, each once.
func (o *object) tell(e Event) {
	mu := &o.c.mem.mu
	mu.Lock()
	watchers := o.watchers
	o.watchers = nil
	mu.Unlock()
	for _, fn := range watchers {
		fn(e)
	}
}
