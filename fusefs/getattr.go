package fusefs

import (
	"context"
	"math"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/catalog"
)

var (
	_ fs.NodeGetattrer = (*dir)(nil)
	_ fs.NodeGetattrer = (*file)(nil)
)

// ioSize is what st_blksize and statfs advise: a block of the cache. Some
// programs read in pieces of that size.
const ioSize = 1 << 20

// Getattr implements fs.NodeGetattrer. It never asks the bucket: a file's
// attributes are its version's.
func (f *file) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	f.attr(&out.Attr)
	out.SetTimeout(kernelTTL(f.parent.t.cfg.EntryTTL, math.MaxInt64))
	return 0
}

// Getattr implements fs.NodeGetattrer.
func (d *dir) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	d.attr(&out.Attr)
	out.SetTimeout(kernelTTL(d.t.cfg.EntryTTL, math.MaxInt64))
	return 0
}

// attr fills in rule 13.
func (f *file) attr(out *fuse.Attr) {
	f.course.mu.Lock()
	mtime, m := f.mtime, f.more
	f.course.mu.Unlock()
	t := f.parent.t
	t.common(out, time.Unix(mtime, 0))
	out.Ino = f.StableAttr().Ino
	out.Size = uint64(f.size)
	out.Blocks = (out.Size + 511) / 512
	out.Mode = syscall.S_IFREG | uint32(t.cfg.FileMode.Perm())
	if (s3backend.Object{StorageClass: m.storageClass, Restored: m.restored}).Archived() {
		out.Mode = syscall.S_IFREG
	}
}

func (d *dir) attr(out *fuse.Attr) {
	d.mu.Lock()
	mtime := d.mtime
	d.mu.Unlock()
	if mtime.IsZero() {
		mtime = d.t.mounted
	}
	d.t.common(out, mtime)
	out.Ino = d.StableAttr().Ino
	out.Mode = syscall.S_IFDIR | uint32(d.t.cfg.DirMode.Perm())
}

func (t *tree) common(out *fuse.Attr, mtime time.Time) {
	out.SetTimes(&mtime, &mtime, &mtime)
	out.Nlink = 1
	out.Owner = fuse.Owner{Uid: t.cfg.UID, Gid: t.cfg.GID}
	out.Blksize = ioSize
}

// markerTime takes the time of the directory's marker, if the answer had one and nothing
// later is known: the marker may have been put again.
func (d *dir) markerTime(mtime time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if mtime.After(d.mtime) {
		d.mtime = mtime
	}
}

// saw takes note of a listing: a directory that differs from when it was listed
// last has changed since, which no key's time tells.
func (d *dir) saw(l *catalog.Listing) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.listed && d.sum != l.Sum():
		d.mtime = time.Now()
	case l.Marker.ModTime.After(d.mtime):
		d.mtime = l.Marker.ModTime
	}
	d.listed, d.sum = true, l.Sum()
}
