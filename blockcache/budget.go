package blockcache

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// reserve makes room for n bytes of a unit within the budget, evicting where needed.
func (d *disk) reserve(n int64, u unit) bool {
	mu := &d.c.mem.mu
	mu.Lock()
	budget := d.order.budget
	mu.Unlock()
	if n > budget || d.freeShortage(n) {
		return false
	}
	for {
		mu.Lock()
		over := d.present + d.pending + n - d.order.budget
		if over <= 0 {
			d.pending += n
			mu.Unlock()
			return true
		}
		mu.Unlock()
		if !d.evict(over, u) {
			return false
		}
	}
}

// freeCheck is how often the file system is asked for its free space.
const freeCheck = time.Second

// freeShortage reports whether writing n bytes would leave less free space than
// is meant for others. Then as much as is missing is evicted instead, but not
// more: freed space may show late, on ZFS after several seconds.
func (d *disk) freeShortage(n int64) bool {
	if d.c.cfg.MinFree <= 0 {
		return false
	}
	mu := &d.c.mem.mu
	mu.Lock()
	due := time.Since(d.freeChecked) >= freeCheck
	if due {
		d.freeChecked = time.Now()
	}
	mu.Unlock()
	if due {
		free, err := d.sys.free(d.home.fd)
		if err != nil {
			free = 0
		}
		mu.Lock()
		d.freeLeft = free - d.c.cfg.MinFree
		d.freeDebt = min(-d.freeLeft, d.present)
		mu.Unlock()
	}
	mu.Lock()
	short := d.freeLeft < n
	evict := short && d.freeDebt > 0
	if evict {
		d.freeDebt -= n
	}
	if !short {
		d.freeLeft -= n
	}
	mu.Unlock()
	if evict {
		d.evict(n, unit{})
	}
	return short
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
		if !d.evict(n, unit{}) {
			return
		}
		mu.Lock()
		n -= before - d.present
		mu.Unlock()
	}
}

// diskFull reports whether err means that there is no space.
func diskFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }
