package blockcache

import "time"

const (
	// fitAgain is how long what could not be evicted is left alone: files that the
	// kernel has open are free once they are closed.
	fitAgain = 5 * time.Second
	// saveEvery is how often the eviction order is saved: what a kill loses of it
	// costs a few wrong evictions.
	saveEvery = 5 * time.Minute
)

// tend does in the background what no reader or writer should wait for: it fits
// what is on disk into a lowered budget, and saves the eviction order.
func (d *disk) tend() {
	select {
	case <-d.swept:
	case <-d.ctx.Done():
		return
	}
	save := time.NewTicker(saveEvery)
	defer save.Stop()
	for {
		var again <-chan time.Time
		if !d.fitBudget() {
			again = time.After(fitAgain)
		}
		select {
		case <-d.lowered:
		case <-again:
		case <-save.C:
			d.saveOrder()
		case <-d.ctx.Done():
			return
		}
	}
}

// SetBudget changes Config.Budget and Config.MinFree, as when the quota of the
// cache's dataset is changed. What is too much for a lower budget is evicted in
// the background, pinned versions excepted. Without a disk it does nothing.
func (c *Cache) SetBudget(budget, minFree int64) {
	d := c.disk
	if d == nil {
		return
	}
	c.mem.mu.Lock()
	d.order.setBudget(max(budget, 0))
	d.minFree = minFree
	c.mem.mu.Unlock()
	d.wakeTend()
}

// wakeTend lets tend look at the budget.
func (d *disk) wakeTend() {
	select {
	case d.lowered <- struct{}{}:
	default: // it is about to look
	}
}
