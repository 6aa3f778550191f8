package prefetch

import (
	"context"
	"io"
	"iter"

	"github.com/zs3fs/zs3fs/blockcache"
	"github.com/zs3fs/zs3fs/s3backend"
)

// Reader reads one version of one object, ahead of its user where he reads in
// order. All methods may be called concurrently.
type Reader struct{}

var _ io.ReaderAt = (*Reader)(nil)

// Object returns the version.
func (r *Reader) Object() s3backend.Object { panic("not built yet") }

// Version returns the cache's view of it, which stays the reader's.
func (r *Reader) Version() *blockcache.Version { panic("not built yet") }

// ReadAt is io.ReaderAt.
func (r *Reader) ReadAt(p []byte, off int64) (int, error) { panic("not built yet") }

// Read returns the len(scratch) bytes from off on, or those up to the end of the
// object: never fewer, else an error. Bytes in memory are not copied; scratch
// serves for those on disk and must not be used for anything else until the
// result is released. ctx ends this read and not the fetch it waits for.
func (r *Reader) Read(ctx context.Context, scratch []byte, off int64) (Result, error) {
	panic("not built yet")
}

// Blocks yields the object's blocks in order, each valid until the next is
// asked for. Fetching goes on behind the consumer, as far as the window goes.
func (r *Reader) Blocks(ctx context.Context) iter.Seq2[Block, error] { panic("not built yet") }

// Close cancels this reader's guesses. Reads that still run end on their own.
func (r *Reader) Close() error { panic("not built yet") }

// Block is a run of an object's bytes.
type Block struct {
	Off  int64
	Data []byte
}

// Result is what Read returned: slices of blocks, one after another.
type Result struct {
	Slices [][]byte
	chunks []blockcache.Chunk
}

// Len returns the sum of the slices' lengths.
func (r Result) Len() int {
	n := 0
	for _, s := range r.Slices {
		n += len(s)
	}
	return n
}

// Release gives the buffers back; exactly once. No slice may be used after it.
func (r Result) Release() {
	for _, c := range r.chunks {
		c.Release()
	}
}
