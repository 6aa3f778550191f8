package prefetch

import (
	"context"
	"iter"
)

// Block is a run of an object's bytes.
type Block struct {
	Off  int64
	Data []byte
}

// Blocks yields the object's blocks in order, each valid until the next is
// asked for. Fetching goes on behind the consumer, as far as the window goes.
// After an error it yields no more.
func (r *Reader) Blocks(ctx context.Context) iter.Seq2[Block, error] {
	return func(yield func(Block, error) bool) {
		size := r.detector.limits.size
		scratch := make([]byte, min(r.block, size))
		for off := int64(0); off < size; {
			res, err := r.Read(ctx, scratch[:min(r.block, size-off)], off)
			if err != nil {
				yield(Block{Off: off}, err)
				return
			}
			b := Block{Off: off, Data: res.Slices[0]}
			if n := len(b.Data); len(res.Slices) > 1 { // came in pieces
				b.Data = scratch[:res.Len()]
				place(b.Data[n:], res.Slices[1])
			}
			off += int64(len(b.Data))
			more := yield(b, nil)
			res.Release()
			if !more {
				return
			}
		}
	}
}
