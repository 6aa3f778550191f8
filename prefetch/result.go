package prefetch

import (
	"unsafe"

	"github.com/zs3fs/zs3fs/blockcache"
)

// Result is what Read returned: slices of blocks, one after another. All but the
// last lie in scratch.
type Result struct {
	Slices [][]byte
	chunk  blockcache.Chunk // the last slice's
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
func (r Result) Release() { r.chunk.Release() }

// place puts data at the beginning of dst, unless it is there already.
func place(dst, data []byte) {
	if unsafe.SliceData(dst) != unsafe.SliceData(data) {
		copy(dst, data)
	}
}
