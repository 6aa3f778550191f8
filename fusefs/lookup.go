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
	n, err := d.t.cfg.Catalog.Lookup(ctx, d.join(name))
	if err == nil {
		return d.child(ctx, n, out), 0
	}
	var absent *catalog.AbsentError
	if errors.As(err, &absent) {
		// Read by server.Lookup, since the bridge knows one time for all.
		out.SetEntryTimeout(kernelTTL(d.t.cfg.NegativeTTL, absent.Fresh))
	}
	return nil, d.t.errno(ctx, "lookup", d.join(name), err)
}

// child returns the inode of n, which is one of d's, and fills out. It is the
// known one when that is of the same version.
func (d *dir) child(ctx context.Context, n catalog.Node, out *fuse.EntryOut) *fs.Inode {
	ttl := kernelTTL(d.t.cfg.EntryTTL, n.Fresh)
	out.SetEntryTimeout(ttl)
	out.SetAttrTimeout(ttl)
	path := d.join(n.Name)
	attr := d.t.dirAttr(path)
	if !n.Dir {
		attr = d.t.fileAttr(path, n.Object)
	}
	inode := d.GetChild(n.Name)
	if inode == nil || inode.StableAttr() != attr {
		var ops fs.InodeEmbedder = &dir{t: d.t, path: path}
		if !n.Dir {
			ops = &file{t: d.t, parent: d, name: n.Name}
		}
		inode = d.NewInode(ctx, ops, attr)
	}
	switch ops := inode.Operations().(type) {
	case *dir:
		ops.markerTime(n.ModTime)
		ops.attr(&out.Attr)
	case *file:
		ops.refresh(n.Object)
		ops.attr(&out.Attr)
	}
	return inode
}

// kernelTTL returns how long the kernel may keep an answer that is good for fresh.
// A negative limit is for ever.
func kernelTTL(limit, fresh time.Duration) time.Duration {
	if limit < 0 {
		return fresh
	}
	return min(limit, fresh)
}
