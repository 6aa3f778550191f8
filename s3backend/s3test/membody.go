package s3test

import (
	"context"
	"io"
	"io/fs"
	"sync/atomic"

	"github.com/zs3fs/zs3fs/s3backend"
)

// memBody is a body of Mem.Open. Read is for one goroutine at a time, Close for
// any at any time.
type memBody struct {
	ctx      context.Context
	v        *version
	off, end int64
	whole    bool // at the beginning: off moves on
	closed   atomic.Bool
}

func newMemBody(ctx context.Context, v *version, off, n int64) *memBody {
	return &memBody{ctx: ctx, v: v, off: off, end: off + n, whole: off == 0 && n == v.obj.Size}
}

func (b *memBody) Read(p []byte) (int, error) {
	err := b.ctx.Err()
	if b.closed.Load() {
		err = fs.ErrClosed
	}
	if err != nil {
		return 0, &s3backend.OpError{Op: "read", Key: b.v.obj.Key, Err: err}
	}
	if b.off == b.end {
		return 0, io.EOF
	}
	n, err := b.v.content.ReadAt(p[:min(int64(len(p)), b.end-b.off)], b.off)
	b.off += int64(n)
	if n > 0 {
		err = nil // an io.EOF at the content's end comes with the next call
	}
	return n, err
}

// Checksum implements s3backend.ChecksummedBody; known of whole objects only, as
// from a server.
func (b *memBody) Checksum() (s3backend.Checksum, bool) {
	if !b.whole {
		return s3backend.Checksum{}, false
	}
	return b.v.checksum(), true
}

// VersionID implements s3backend.VersionedBody.
func (b *memBody) VersionID() string { return b.v.obj.VersionID }

func (b *memBody) Close() error {
	b.closed.Store(true)
	return nil
}
