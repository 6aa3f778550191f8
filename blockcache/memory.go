package blockcache

// Memory is the one budget, in bytes, for all block buffers: in flight, waiting
// for the disk, or kept until they are read. Buffers are pooled. A buffer is
// taken when the first byte of its block is about to arrive, not when the
// request starts, so that a flight holds one partial block at a time.
//
// When there is no room, kept blocks are given up in this order: read and on
// disk, read, unread but on disk. Only a demand may take an unread block that is
// not on disk; a guess waits instead. A reserve is kept for demands, so that
// they never wait behind guesses.
type Memory struct{}

// NewMemory returns a budget of limit bytes in buffers of blockSize; at least 8
// of them.
func NewMemory(limit, blockSize int64) *Memory { panic("not built yet") }

// Limit returns the budget in bytes.
func (m *Memory) Limit() int64 { panic("not built yet") }

// InUse returns the bytes in buffers now, kept ones included.
func (m *Memory) InUse() int64 { panic("not built yet") }

// Room returns the bytes that a guess could have now without waiting.
func (m *Memory) Room() int64 { panic("not built yet") }
