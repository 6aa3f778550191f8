package blockcache

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// reserve makes room for n bytes of a unit within the budget, evicting where needed.
// errNotCached says that there is none; another error is the disk's.
func (d *disk) reserve(n int64, u unit) error {
	mu := &d.c.mem.mu
	mu.Lock()
	budget := d.order.budget
	mu.Unlock()
	if n > budget || d.freeShortage(n) {
		return errNotCached
	}
	for {
		mu.Lock()
		over := d.present + d.pending + n - d.order.budget
		if over <= 0 {
			d.pending += n
			mu.Unlock()
			return nil
		}
		mu.Unlock()
		if freed, err := d.evict(over, u); err != nil {
			return err
		} else if !freed {
			return errNotCached
		}
	}
}

// freeShortage reports whether writing n bytes would leave less free space than
// is meant for others. Then as much as is missing is evicted instead. While a writer
// asks the file system, the others wait for what it says: before the first look they know
// of no space at all, and would give up blocks that fit (ZFS takes milliseconds).
func (d *disk) freeShortage(n int64) bool {
	mu := &d.c.mem.mu
	select {
	case d.looking <- struct{}{}:
	case <-d.ctx.Done():
		return true
	}
	minFree := d.lookAtFree()
	<-d.looking
	if minFree <= 0 {
		return false
	}
	mu.Lock()
	fits, evict := d.short.write(n)
	mu.Unlock()
	if evict {
		_, _ = d.evict(n, unit{}) // met again when the budget is full
	}
	return !fits
}

// lookAtFree asks for the free space when it is time to, and returns how much is meant
// for others. One at a time.
func (d *disk) lookAtFree() (minFree int64) {
	mu := &d.c.mem.mu
	mu.Lock()
	minFree, now := d.minFree, time.Now()
	due := minFree > 0 && d.short.due(now)
	mu.Unlock()
	if due {
		free, err := d.sys.free(d.home.fd)
		if err != nil {
			free = 0
		}
		mu.Lock()
		d.short.look(now, free-minFree)
		mu.Unlock()
	}
	return minFree
}

// makeWay evicts a little when the file system is full: it is shared, and its
// free space may be needed by others before ours.
func (d *disk) makeWay() {
	mu := &d.c.mem.mu
	mu.Lock()
	n := max(d.c.blockSize, d.present/64)
	mu.Unlock()
	for n > 0 {
		mu.Lock()
		before := d.present
		mu.Unlock()
		if freed, _ := d.evict(n, unit{}); !freed {
			return
		}
		mu.Lock()
		n -= before - d.present
		mu.Unlock()
	}
}

// diskFull reports whether err means that there is no space.
func diskFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }
