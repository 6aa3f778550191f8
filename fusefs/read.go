package fusefs

import (
	"context"
	"errors"
	"math"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/zs3fs/zs3fs/prefetch"
	"github.com/zs3fs/zs3fs/s3backend"
)

var _ fs.FileReader = (*handle)(nil)

// Read implements fs.FileReader: all of dest, or all up to the end of the version,
// or an errno. The kernel takes a short answer for the end of the file.
func (h *handle) Read(ctx context.Context, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	direct := off < 0 // directTag
	off &= math.MaxInt64
	h.f.parent.t.counts.reads.Add(1)
	want := min(int64(len(dest)), h.obj.Size-off)
	if want <= 0 {
		return fuse.ReadResultData(nil), 0
	}
	read := h.reader.ReadPages
	if direct {
		read = h.reader.Read
	}
	r, err := read(ctx, dest[:want], off)
	if err != nil {
		switch {
		case errors.Is(err, prefetch.ErrUnneeded):
			return nil, syscall.EIO
		case errors.Is(err, s3backend.ErrChanged):
			h.f.changed()
		case errors.Is(err, s3backend.ErrArchived):
			h.f.parent.t.logArchived(h.obj)
		}
		return nil, h.f.parent.t.errno(ctx, "read", h.f.path(), err)
	}
	if int64(r.Len()) != want {
		r.Release()
		h.f.parent.t.cfg.Logger.Error("read came back short", "want", want, "got", r.Len())
		return nil, syscall.EIO
	}
	h.f.parent.t.counts.readBytes.Add(want)
	return &result{r: r}, 0
}

// result hands a Result's slices to the kernel in one writev. Because it has
// Slices, go-fuse calls Done after the write; for a result without, and with
// splicing off, it would call Bytes and then Done before the write, and a pooled
// buffer could be overwritten under the kernel.
type result struct {
	r prefetch.Result
}

var _ fuse.ReadResult = (*result)(nil)

// Slices gives what is written after the header.
func (r *result) Slices() ([][]byte, fuse.Status) { return r.r.Slices, fuse.OK }

// Size implements fuse.ReadResult; it is the sum of the slices.
func (r *result) Size() int { return r.r.Len() }

// Done implements fuse.ReadResult.
func (r *result) Done() { r.r.Release() }

// Bytes implements fuse.ReadResult. buf may be the very memory that a slice lies
// in, so the bytes are gathered elsewhere.
func (r *result) Bytes([]byte) ([]byte, fuse.Status) {
	all := make([]byte, 0, r.r.Len())
	for _, s := range r.r.Slices {
		all = append(all, s...)
	}
	return all, fuse.OK
}
