package prefetch

import "time"

// In blocks, which are 1 MiB in production.
const (
	// A stream starts with so little that a reader of a file's head wastes no
	// more than this.
	startBlocks = 2
	// Who begins a file with a read of at least half a block has a large buffer, and goes
	// on: the kernel asks for as much at once only for a read(2) of more than 128 KiB, a
	// quarter of what it reads ahead at most. Such a reader gets what he would else get one
	// way to the server later (20 ms, 80 MB/s a connection: a file of 128 MiB at 652 MB/s
	// for 585, four of 8 MiB at 424 for 293), and wastes no more than this.
	eagerBlocks = 8
	// The window doubles up to here on the pattern alone; to go further the
	// reader must have waited.
	freeBlocks = 32
	// Pieces of the kernel's own read-ahead (128 KiB to 1 MiB, 4 MiB in all, for
	// several threads) arrive out of order, within this distance.
	reorderBlocks = 16
	// Footers of Parquet, ORC and zip are read first, and fit in the last MiB.
	tailBlocks = 1
	// One request of 4 MiB costs less than two, as 20 ms to the first byte are
	// worth 1.6 MiB at 80 MB/s.
	smallBlocks = 4
	// An object is read by so many requests at least, where they are not small ones: the
	// last of eight requests of 8 MiB ends 125 ms after it began, that of sixteen of 4 MiB
	// after 72 (20 ms to the first byte, 80 MB/s a connection).
	fewRequests = 16
	// A window is at most so many times what its stream has read: a few reads of
	// 4 KiB at the head of a file are no reason for 32 MiB. Who has waited reads as fast as
	// he can, and gets twice that at once.
	headTrust, waitTrust = 8, 16
	// Of one that began at a place in the middle, less is believed: it may be a
	// column of a few blocks, with others behind it that nobody reads. Who waits there gets
	// the more, the further he has come: half as many times what he has read as he has
	// read blocks, up to waitTrust.
	placeTrust = 2
)

const (
	maxStreams = 8 // of a handle
	// maxShared is for all handles of a version, since a read looks at each: 8
	// handles with as many streams as they may have, or 64 with one.
	maxShared = 64
	// After idleTime a stream is forgotten when a new one comes up, after
	// stealTime only where there is no other place for the new one; and by then it has no
	// more share in the window.
	idleTime  = 2 * time.Second
	stealTime = time.Second
	// Random reads are adjacent once in a while: so a stream is believed from
	// the second read that goes on where another ended, and from more than a block
	// on, which may come as four reads of the kernel's.
	activeHits = 2
	// Who has come back to a stream three times from others takes turns between them: by
	// reads of 256 KiB before he has read a block. With two, DuckDB's threads did by chance,
	// in two of 16 runs, and 103 and 106 blocks were fetched for columns of 80.
	turnReturns = 3
	// maxRefused bounds what is kept of a version: some 100 KB. A column chunk takes one.
	maxRefused = 4096
	// Reading backwards is rarer than a piece overtaken: it takes one more.
	backwardHits = 3
	// So many reads in a row above a stream that goes down turn it, or twice as many below
	// one that goes up: fewer may be pieces overtaken.
	turnHits = 8
)

// limits are what a detector must know of one object; in blocks, but for block
// and size.
type limits struct {
	block, size    int64 // bytes
	blocks         int64 // of the object
	request        int64
	start, maximum int64 // of a window
	eager          int64 // of the first window of a reader with a large buffer
	stride         int64 // bytes that the kernel reads ahead at once; 0 where there is none
}

// isStride reports whether a read of n bytes is what the kernel reads ahead at once. It
// leaves out what it has of it: a few pages at the joint with a shorter read before.
func (l limits) isStride(n int64) bool { return n <= l.stride && n > l.stride-l.stride/8 }

// newLimits takes bytes. maxWindow 0 turns reading ahead off.
func newLimits(size, block, request, maxWindow, stride int64) limits {
	l := limits{
		block:   block,
		size:    size,
		blocks:  (size + block - 1) / block,
		request: max(request/block, 1),
		maximum: maxWindow / block,
		stride:  stride,
	}
	for l.request > smallBlocks && l.request*fewRequests > l.blocks {
		l.request /= 2
	}
	l.start, l.eager = min(startBlocks, l.maximum), min(eagerBlocks, l.maximum)
	return l
}

// cover returns the blocks of the bytes [off, end).
func (l limits) cover(off, end int64) span {
	first := off / l.block
	return span{first, (end+l.block-1)/l.block - first}
}

// afford returns how many of the blocks wanted may be asked for of places to come, where memory
// would give free: the half, and the half of that, when it has not so many.
func (l limits) afford(wanted, free int64) int64 {
	budget := min(wanted, l.maximum)
	for budget > 0 && free < budget {
		budget /= 2
	}
	return budget
}
