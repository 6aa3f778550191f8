package fusefs

import (
	"context"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

var _ fs.NodeStatfser = (*dir)(nil)

// capacity is what a bucket pretends to hold, in blocks of 1 MiB: 1 PiB, and all
// of it free, so that nobody is alarmed by a full disk. Asking would cost a
// listing of the whole bucket, and df and its like must never need the network.
const capacity = 1 << 30

// Statfs implements fs.NodeStatfser.
func (d *dir) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	*out = fuse.StatfsOut{
		Blocks: capacity, Bfree: capacity, Bavail: capacity,
		Files: capacity, Ffree: capacity,
		Bsize: ioSize, Frsize: ioSize,
		NameLen: uint32(d.t.cfg.Catalog.NameMax()),
	}
	return 0
}

// Statfs implements fs.NodeStatfser.
func (f *file) Statfs(ctx context.Context, out *fuse.StatfsOut) syscall.Errno {
	return f.parent.Statfs(ctx, out)
}
