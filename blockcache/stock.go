package blockcache

import (
	"context"
	"io"
	"sync"

	"golang.org/x/sys/unix"
)

// open asks the source. Until it answers there is nothing else to do, and so a long
// run's buffers are made: later the page faults of new ones would take a tenth of a
// processor that is busy receiving.
func (f *Flight) open(ctx context.Context, src Source, off, n int64) (io.ReadCloser, error) {
	if f.n < longRun {
		return src.Open(ctx, f.obj, off, n)
	}
	var stocking sync.WaitGroup
	answered := make(chan struct{})
	stocking.Go(func() { f.o.c.mem.stock(f.n, answered) })
	defer stocking.Wait()
	defer close(answered)
	return src.Open(ctx, f.obj, off, n)
}

// longRun is from how many blocks on a request belongs to a reader who has gone on long
// enough to need more buffers than there are.
const longRun = 4

// stock makes up to n buffers that will be needed soon, with memory behind them, until
// the channel is closed; fewer where guesses have no room for more.
func (m *Memory) stock(n int64, until <-chan struct{}) {
	for range n {
		select {
		case <-until:
			return
		default:
		}
		m.mu.Lock()
		full := m.inUse+int64(len(m.free)+1)*m.blockSize > m.limit-m.reserve
		m.mu.Unlock()
		if full {
			return
		}
		buf := make([]byte, m.blockSize)
		// A kernel before 5.14 refuses; then the faults come when the bytes do.
		_ = unix.Madvise(buf, unix.MADV_POPULATE_WRITE)
		m.mu.Lock()
		m.free = append(m.free, buf)
		m.trimLocked()
		m.mu.Unlock()
	}
}
