package fusefs

import (
	"context"
	"sync/atomic"

	"github.com/hanwen/go-fuse/v2/fs"
)

var _ fs.NodeOnForgetter = (*dir)(nil)

// inodes counts those that the kernel holds: find over a million files leaves a
// million here, until the kernel's memory runs low.
type inodes struct {
	n, told atomic.Int64
	tell    func(int64) // or nil
}

// inodeStep is by how many the number changes before it is told again: 10 MB.
const inodeStep = 10_000

func (i *inodes) add(d int64) {
	n := i.n.Add(d)
	told := i.told.Load()
	if i.tell != nil && max(n-told, told-n) >= inodeStep && i.told.CompareAndSwap(told, n) {
		i.tell(n)
	}
}

// OnForget implements fs.NodeOnForgetter.
func (d *dir) OnForget() {
	if !d.forgotten.Swap(true) {
		d.t.inodes.add(-1)
	}
}

// known is as a file's.
func (d *dir) known() {
	if d.forgotten.Swap(false) {
		d.t.inodes.add(1)
	}
}

// newInode is NewInode, counted. The bridge may put another in its place, which a handle
// still holds or a lookup beside this one has made: so few that it does not matter.
func (d *dir) newInode(ctx context.Context, ops fs.InodeEmbedder, attr fs.StableAttr) *fs.Inode {
	d.t.inodes.add(1)
	return d.NewInode(ctx, ops, attr)
}
