package blockcache

import (
	"sync/atomic"

	"github.com/zs3fs/zs3fs/blockcache/s3fifo"
)

// Stats counts what the cache did since it was opened; bytes unless said.
type Stats struct {
	DiskBytes   int64 // present on disk now, by our own accounting
	Budget      int64 // limit of DiskBytes
	PinnedBytes int64 // of DiskBytes, never evicted
	Pinned      int64 // versions
	DiskHits    int64 // bytes answered from disk
	MemoryHits  int64 // bytes answered from memory: in flight or still held
	Fetched     int64 // bytes received from the source
	Requests    int64 // flights begun
	Written     int64 // bytes written to disk
	Dropped     int64 // blocks not cached because the queue or the disk was full
	Evicted     int64 // blocks evicted
	Mismatches  int64 // blocks whose checksum did not match: dropped
	WriteErrors int64 // failed writes
	ReadErrors  int64 // failed reads of the cache's disk
	Healed      int64 // blocks that were dropped as damaged, and are whole again
	Sealed      int64 // versions that became complete and verified
	Proved      int64 // of these, have the checksum that the server keeps
	Unprovable  int64 // of these, have none to compare with
	Disproved   int64 // versions that were dropped for having another
}

// counts are the running values of Stats.
type counts struct {
	diskBytes, diskHits, memoryHits, fetched, requests atomic.Int64
	written, dropped, evicted                          atomic.Int64
	mismatches, writeErrors, readErrors                atomic.Int64
	healed, whole, proved, unprovable, disproved       atomic.Int64
}

// sealed counts a version that was sealed.
func (n *counts) sealed(p Proof) {
	n.whole.Add(1)
	switch {
	case p.Proved():
		n.proved.Add(1)
	case p == Unprovable:
		n.unprovable.Add(1)
	}
}

// Stats returns the counters as of now.
func (c *Cache) Stats() Stats {
	n := &c.counts
	s := Stats{
		DiskBytes:   n.diskBytes.Load(),
		DiskHits:    n.diskHits.Load(),
		MemoryHits:  n.memoryHits.Load(),
		Fetched:     n.fetched.Load(),
		Requests:    n.requests.Load(),
		Written:     n.written.Load(),
		Dropped:     n.dropped.Load(),
		Evicted:     n.evicted.Load(),
		Mismatches:  n.mismatches.Load(),
		WriteErrors: n.writeErrors.Load(),
		ReadErrors:  n.readErrors.Load(),
		Healed:      n.healed.Load(),
		Sealed:      n.whole.Load(),
		Proved:      n.proved.Load(),
		Unprovable:  n.unprovable.Load(),
		Disproved:   n.disproved.Load(),
	}
	if d := c.disk; d != nil {
		c.mem.mu.Lock()
		s.Budget, s.PinnedBytes, s.Pinned = d.order.budget, d.order.Bytes(s3fifo.Parked), int64(len(d.pins))
		c.mem.mu.Unlock()
	}
	return s
}

// BlockSize returns the block size in bytes.
func (c *Cache) BlockSize() int64 { return c.blockSize }

// Fetched returns Stats.Fetched alone, at the price of a load.
func (c *Cache) Fetched() int64 { return c.counts.fetched.Load() }
