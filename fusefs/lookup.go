package fusefs

import (
	"context"
	"errors"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/zs3fs/zs3fs/s3backend/catalog"
)

var _ fs.NodeLookuper = (*dir)(nil)

// Lookup implements fs.NodeLookuper.
func (d *dir) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if len(name) > d.t.cfg.Catalog.NameMax() {
		return nil, syscall.ENAMETOOLONG
	}
	d.lookups.Add(1)
	path := d.join(name)
	n, err := d.t.cfg.Catalog.Lookup(ctx, path)
	d.t.reopens.looked(ctx, path, n, err)
	if err == nil {
		if !n.Dir && d.plain.Load() {
			d.t.wants.missed()
		}
		return d.child(ctx, n, out), 0
	}
	var absent *catalog.AbsentError
	if errors.As(err, &absent) {
		// Read by server.Lookup, since the bridge knows one time for all.
		out.SetEntryTimeout(kernelTTL(d.t.cfg.NegativeTTL, absent.Fresh))
	}
	return nil, d.t.errno(ctx, "lookup", path, err)
}

// child returns the inode of n, which is one of d's, and fills out. It is the
// known one when that is of the same version.
func (d *dir) child(ctx context.Context, n catalog.Node, out *fuse.EntryOut) *fs.Inode {
	ttl := kernelTTL(d.t.cfg.EntryTTL, n.Fresh)
	out.SetEntryTimeout(ttl)
	out.SetAttrTimeout(ttl)
	inode := d.GetChild(n.Name)
	if inode == nil || !current(inode, n) {
		inode = d.newChild(ctx, n)
	}
	switch ops := inode.Operations().(type) {
	case *dir:
		ops.known()
		ops.markerTime(n.ModTime)
		ops.attr(&out.Attr)
	case *file:
		ops.known()
		ops.refresh(n.Object)
		ops.attr(&out.Attr)
	}
	return inode
}

// current reports whether inode is n, and may go on to be.
func current(inode *fs.Inode, n catalog.Node) bool {
	f, ok := inode.Operations().(*file)
	if !ok {
		return n.Dir
	}
	return !n.Dir && f.version == generationOf(n.Object) && !f.retired.Load()
}

// newChild makes an inode. The bridge puts one in its place that has the same
// number and generation and is still in use by a handle: hence a generation that
// is none of the retired ones'.
func (d *dir) newChild(ctx context.Context, n catalog.Node) *fs.Inode {
	path := d.join(n.Name)
	if n.Dir {
		return d.newInode(ctx, &dir{t: d.t, path: path}, d.t.dirAttr(path))
	}
	f := newFile(d, n.Name, n.Object)
	attr := fs.StableAttr{Mode: syscall.S_IFREG, Ino: d.t.ino(path), Gen: d.t.renewals.generation(f.version)}
	return d.newInode(ctx, f, attr)
}

// kernelLate is how much longer than told the kernel keeps an answer: it rounds up to a tick of
// its clock and counts the last one in, each 10 ms at most (CONFIG_HZ=100). A version was opened
// 51 ms after it had been replaced, of 50 that were allowed.
const kernelLate = 20 * time.Millisecond

// kernelTTL returns how long the kernel may be told to keep an answer that is good for fresh.
// A negative limit is for ever.
func kernelTTL(limit, fresh time.Duration) time.Duration {
	if limit >= 0 {
		fresh = min(limit, fresh)
	}
	return max(fresh-kernelLate, 0)
}
