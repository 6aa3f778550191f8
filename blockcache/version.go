package blockcache

import (
	"context"
	"errors"

	"github.com/zs3fs/zs3fs/s3backend"
)

// ErrMiss says that the wanted block is neither on disk, in memory nor in
// flight (any more): claim it, and read again.
var ErrMiss = errors.New("blockcache: miss")

// Version is a counted handle of one version of one object. All methods may be
// called concurrently; none but Close after Close.
type Version struct{}

// Object returns the version this is.
func (v *Version) Object() s3backend.Object { panic("not built yet") }

// BlockSize returns the cache's block size in bytes.
func (v *Version) BlockSize() int64 { panic("not built yet") }

// Cached returns how many of the version's blocks are on disk.
func (v *Version) Cached() (present, total int64) { panic("not built yet") }

// Missing finds the first run of blocks in [first, first+n) that are neither on
// disk, in memory nor in flight. count is 0 when there is none. It may read a
// page of the version's map.
func (v *Version) Missing(first, n int64) (at, count int64) { panic("not built yet") }

// Claim makes the first missing run in [first, first+n) a flight, and returns
// nil when there is none. From now on readers of these blocks wait for the
// flight, and nobody else can claim them. The caller must call Run, once.
// demand says that a reader waits already: see [Flight.Cancel] and [Memory].
func (v *Version) Claim(first, n int64, demand bool) *Flight { panic("not built yet") }

// Read returns bytes from off on, all of one block: up to the end of that block,
// n bytes at most, and at least one; off < Size. Bytes in memory or in flight
// are handed out where they lie, without a copy, as soon as they (not the whole
// block) have arrived; bytes on disk are read into scratch, which must hold n
// bytes and stays the caller's. It waits for a flight, honours ctx at once, and
// returns ErrMiss when there is nothing to wait for or when a flight that nobody
// demanded ended early. Another error is that of the flight waited for.
func (v *Version) Read(ctx context.Context, scratch []byte, off int64, n int) (Chunk, error) {
	panic("not built yet")
}

// Forget says that blocks in [first, first+n) that were fetched on a guess are
// not expected to be read any more, so that their memory can be used first.
func (v *Version) Forget(first, n int64) { panic("not built yet") }

// Close gives the handle back.
func (v *Version) Close() { panic("not built yet") }

// Chunk is a read-only view of a block's bytes.
type Chunk struct {
	// Data must not be changed, and not be touched after Release.
	Data    []byte
	release func()
}

// Release gives the buffer back; exactly once.
func (c Chunk) Release() {
	if c.release != nil {
		c.release()
	}
}
