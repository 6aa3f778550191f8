package blockcache

import (
	"context"
	"errors"
	"time"

	"github.com/minio/crc64nvme"
	"golang.org/x/sys/unix"
)

// errMismatch is a block that is not what its map says.
var errMismatch = errors.New("blockcache: checksum mismatch")

// readDisk returns bytes [lo, hi) of a block on disk: short ranges of verified
// blocks by themselves, everything else by way of the whole block, which is then
// in memory. errAgain says that the block's place changed.
func (o *object) readDisk(ctx context.Context, scratch []byte, index, lo, hi int64) (Chunk, error) {
	d, mu := o.c.disk, &o.c.mem.mu
	mu.Lock()
	present, known := o.onDiskLocked(index)
	switch {
	case !known:
		mu.Unlock()
		if err := o.loadPresence(ctx, index); err != nil {
			return Chunk{}, err
		}
		return Chunk{}, errAgain
	case o.blocks[index] != nil:
		mu.Unlock()
		return Chunk{}, errAgain
	case !present || !d.admitReadLocked():
		mu.Unlock()
		return Chunk{}, ErrMiss
	}
	if !d.doubted && hi-lo <= d.small && o.store.pages[index/pageEntries].isVerified(index%pageEntries) {
		r := &rangeRead{o: o, index: index, lo: lo, n: hi - lo, gen: o.store.gen, writes: o.store.writes, fd: o.store.files.data}
		o.users++
		mu.Unlock()
		defer o.leave()
		return r.run(ctx, scratch)
	}
	b := o.newBlockLocked(index)
	b.loading, b.fromDisk = true, true
	w := b.awaitLocked(lo, hi)
	o.users++
	if !d.spawnLocked(func() { d.loadBlock(b) }) {
		o.users--
		b.failLocked(ErrMiss)
	}
	mu.Unlock()
	return o.wait(ctx, w)
}

func (d *disk) admitRead() bool {
	d.c.mem.mu.Lock()
	defer d.c.mem.mu.Unlock()
	return d.admitReadLocked()
}

func (d *disk) admitReadLocked() bool {
	return !d.stopping && (d.reading.pause == 0 || d.reading.admit(time.Now()))
}

// gaveUp is what a reader that waited too long for the disk does.
func (d *disk) gaveUp() error {
	d.c.mem.mu.Lock()
	d.readHungLocked()
	d.c.mem.mu.Unlock()
	return errAgain
}

// loadBlock reads a whole block into memory and compares it with its checksum:
// at its first use since the start, and again whenever it is read whole, which
// costs little beside the read.
func (d *disk) loadBlock(b *block) {
	mu := &d.c.mem.mu
	err := d.fillFromDisk(b)
	if err != nil && !errors.Is(err, errAgain) {
		d.blockUnreadable(b.o, b.index, err)
	}
	mu.Lock()
	defer mu.Unlock()
	b.loading = false
	switch {
	case b.gone: // given up on: see the watchdog
	case err != nil:
		b.failLocked(errAgain)
	default:
		b.onDisk = true
		b.arrivedLocked(b.size)
	}
	if b.data != nil {
		b.unpinLocked()
	}
	b.o.users--
	b.o.forgetIfUnusedLocked()
}

func (d *disk) fillFromDisk(b *block) error {
	o, m := b.o, d.c.mem
	queued := time.NewTimer(readTimeout)
	defer queued.Stop()
	select {
	case d.slots <- struct{}{}:
	case <-queued.C:
		return d.gaveUp()
	case <-d.ctx.Done():
		return errAgain
	}
	defer func() { <-d.slots }()
	data, err := m.acquire(d.ctx, b.size, nil)
	if err != nil {
		return errAgain
	}
	watchdog := time.AfterFunc(readTimeout, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		d.readHungLocked()
		if !b.gone {
			b.failLocked(errAgain)
		}
	})
	defer watchdog.Stop()

	m.mu.Lock()
	b.data = data
	b.pinLocked()
	gen, writes, fd := o.store.gen, o.store.writes, o.store.files.data
	p, i := o.store.pages[b.index/pageEntries], b.index%pageEntries
	var want uint64
	if p != nil { // else condemned meanwhile
		want = p.entries[i]
	}
	m.mu.Unlock()
	if want == 0 {
		return errAgain
	}
	if err := d.sys.readFull(fd, data, b.index*d.c.blockSize); err != nil {
		return err
	}
	if crc64nvme.Checksum(data) != want {
		return errMismatch
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	d.readSucceeded()
	m.mu.Lock()
	defer m.mu.Unlock()
	if o.store.gen != gen || o.store.noticeLocked(&st, writes) {
		return errAgain // perhaps read while it was being punched out
	}
	d.verifiedLocked(&o.store, b.index)
	d.finishLocked(o)
	return nil
}

// blockUnreadable drops a block that could not be read or is not what it was.
func (d *disk) blockUnreadable(o *object, index int64, err error) {
	if errors.Is(err, errMismatch) || isTruncated(err) {
		// One line at 1, 2, 4, 8...: a whole disk may be damaged.
		if n := d.c.counts.mismatches.Add(1); n&(n-1) == 0 {
			d.log.Warn("cached block is damaged; fetching it again", "dir", d.home.path,
				"version", o.id.String(), "block", index, "err", err, "so far", n)
		}
	} else {
		d.readFailed(err)
	}
	d.c.mem.mu.Lock()
	o.store.damaged[index] = true
	d.c.mem.mu.Unlock()
	d.dropBlock(o, index)
}
