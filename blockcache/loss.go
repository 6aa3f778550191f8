package blockcache

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// lossCheck is how long after a write it is looked whether it came to the disk. By then
// the kernel writes it out unasked (vm.dirty_expire_centisecs, 30 s), so that asking
// costs little.
const lossCheck = 30 * time.Second

// watchLoss learns of what the kernel took and could not write, as on a thin volume that
// has run full. Nothing else tells of it: no read fails, and no file's times change. ZFS
// gives up nothing that it took.
func (d *disk) watchLoss() {
	// One that stays open: the kernel tells it of each loss, whoever else has asked. And
	// not the home's, which has the lock.
	fd, err := openDir(d.home.fd, ".")
	if err != nil {
		d.log.Warn("cannot learn what does not come to the cache's disk", "dir", d.home.path, "err", err)
		return
	}
	defer unix.Close(fd)
	d.c.mem.mu.Lock()
	atOnce := d.doubted
	d.c.mem.mu.Unlock()
	for ; ; atOnce = false {
		if !atOnce && !d.awaitWritten() {
			return
		}
		// In a goroutine with descriptors of its own: it takes as long as the disk likes.
		again, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			d.noteWrite() // our limits, not the disk's: later
			continue
		}
		h := &home{path: d.home.path, lock: -1}
		if h.fd, err = openDir(d.home.fd, "."); err != nil {
			unix.Close(again)
			d.noteWrite()
			continue
		}
		done := make(chan struct{})
		go func() {
			d.lookForLoss(again, h)
			unix.Close(again)
			h.close()
			close(done)
		}()
		select {
		case <-done:
		case <-d.ctx.Done():
			return
		}
	}
}

// noteWrite has it looked, after a while, whether what was written came to the disk.
func (d *disk) noteWrite() {
	select {
	case d.wrote <- struct{}{}:
	default:
	}
}

// awaitWritten waits until what was written has been written out; false at the end.
func (d *disk) awaitWritten() bool {
	select {
	case <-d.wrote:
	case <-d.ctx.Done():
		return false
	}
	select {
	case <-time.After(lossCheck):
		return true
	case <-d.ctx.Done():
		return false
	}
}

// errLostBeside is a loss that another mount was told of.
var errLostBeside = errors.New("blockcache: another mount's cache on this disk has lost some")

func (d *disk) lookForLoss(fd int, h *home) {
	d.syncing <- struct{}{}
	defer func() { <-d.syncing }()
	mu := &d.c.mem.mu
	mu.Lock()
	doubted, boot := d.doubted, d.session.boot
	mu.Unlock()
	err := d.sys.sync(fd)
	if err == nil && doubted && h.lostBeside(boot) {
		err = errLostBeside
	}
	if err != nil {
		d.log.Error("the disk has lost some of what was cached; verifying all of it", "dir", h.path, "err", err)
		d.loss(h)
		return
	}
	if !doubted {
		return
	}
	// Nor was it by the session before this one: an error that nobody has been told of yet
	// is told to who opens the file system after it. When another program has asked in
	// between (by syncfs; sync and fsync do not matter) we are not told.
	mu.Lock()
	defer mu.Unlock()
	d.doubted = false
	for _, o := range d.c.objects {
		d.finishLocked(o) // what has become whole meanwhile
	}
}

// loss believes nothing any more that was written in this boot, in this session and in
// others, nor what will be: the disk that was full is so still. Each block is compared
// with its checksum whenever it is read, since bytes that memory has are right, lost or
// not, and the kernel gets no file to read by itself. What it has, it reads on.
func (d *disk) loss(h *home) {
	mu := &d.c.mem.mu
	mu.Lock()
	d.lost = true
	boot := d.session.boot
	mu.Unlock()
	d.c.Distrust()
	if err := h.saveLost(boot); err != nil {
		d.log.Warn("cannot write down that the cache is to be verified", "dir", h.path, "err", err)
	}
}

// verifiedLocked takes note that a block is what its entry says, and will be.
func (d *disk) verifiedLocked(s *store, index int64) {
	if !d.lost {
		s.verifyLocked(index)
	}
}
