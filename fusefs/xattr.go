package fusefs

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"

	"github.com/zs3fs/zs3fs/blockcache"
	"github.com/zs3fs/zs3fs/s3backend"
)

var (
	_ fs.NodeGetxattrer  = (*file)(nil)
	_ fs.NodeListxattrer = (*file)(nil)
	_ fs.NodeGetxattrer  = (*dir)(nil)
	_ fs.NodeListxattrer = (*dir)(nil)
)

// The attributes of rule 21. Those of an object that only HEAD knows are asked
// for when they are read, never when they are listed: ls lists them for each file.
const (
	xattrKey         = "user.s3.key"
	xattrETag        = "user.s3.etag"
	xattrVersionID   = "user.s3.version_id"
	xattrClass       = "user.s3.storage_class"
	xattrContentType = "user.s3.content_type"
	xattrRestore     = "user.zs3fs.restore"
	xattrArchived    = "user.zs3fs.storage_class" // as xattrClass, beside xattrRestore
	xattrCached      = "user.zs3fs.cached"
	xattrProved      = "user.zs3fs.proved"
	xattrHidden      = "user.zs3fs.hidden"
)

// foreign reports whether an attribute is of a kind that there is none of: security
// labels and ACLs. ls -l asks for two of them for each file, but once for all after
// ENOTSUP.
func foreign(attr string) bool { return !strings.HasPrefix(attr, "user.") }

// Getxattr implements fs.NodeGetxattrer.
func (f *file) Getxattr(ctx context.Context, attr string, dest []byte) (uint32, syscall.Errno) {
	if foreign(attr) {
		return 0, syscall.ENOTSUP
	}
	o := f.object()
	value := ""
	switch attr {
	case xattrKey:
		value = o.Key
	case xattrETag:
		value = o.ETag
	case xattrClass, xattrArchived:
		value = storageClass(o)
	case xattrRestore:
		value = restoreState(o)
	case xattrCached:
		value = f.cachedBlocks(o)
	case xattrProved:
		var errno syscall.Errno
		if value, errno = f.proof(ctx, o); errno != 0 {
			return 0, errno
		}
	case xattrVersionID, xattrContentType:
		var errno syscall.Errno
		if value, errno = f.headXattr(ctx, attr); errno != 0 {
			return 0, errno
		}
	case xattrRefresh:
		return f.parent.t.refreshXattr(ctx, f.path(), dest)
	}
	if value == "" {
		return 0, syscall.ENODATA
	}
	return fill(dest, value)
}

// headXattr asks HEAD unless that has been done, and ENODATA says that this
// version no longer is the one HEAD speaks of.
func (f *file) headXattr(ctx context.Context, attr string) (string, syscall.Errno) {
	o := f.object()
	// A listing of versions knows the id only; HEAD knows both, or that there is none.
	if o.ContentType == "" && (o.VersionID == "" || attr != xattrVersionID) {
		n, err := f.parent.t.cfg.Catalog.Revalidate(ctx, f.path())
		if err != nil {
			return "", f.parent.t.errno(ctx, "getxattr", f.path(), err)
		}
		if generationOf(n.Object) != f.version {
			return "", syscall.ENODATA
		}
		f.refresh(n.Object)
		o = n.Object
	}
	if attr == xattrVersionID {
		return o.VersionID, 0
	}
	return o.ContentType, 0
}

// Listxattr implements fs.NodeListxattrer.
func (f *file) Listxattr(_ context.Context, dest []byte) (uint32, syscall.Errno) {
	o := f.object()
	names := []string{xattrKey, xattrETag, xattrClass, xattrCached, xattrProved}
	if o.VersionID != "" {
		names = append(names, xattrVersionID)
	}
	if o.ContentType != "" {
		names = append(names, xattrContentType)
	}
	if restoreState(o) != "" {
		names = append(names, xattrRestore, xattrArchived)
	}
	return fillNames(dest, names)
}

func storageClass(o s3backend.Object) string {
	if o.StorageClass == "" {
		return "STANDARD"
	}
	return o.StorageClass
}

func restoreState(o s3backend.Object) string {
	switch {
	case o.Restored:
		return "restored"
	case o.Archived():
		return "archived"
	}
	return ""
}

// cachedBlocks returns how much of the version is on disk, as "412/1024 blocks".
func (f *file) cachedBlocks(o s3backend.Object) string {
	if o.Size == 0 {
		return "0/0 blocks"
	}
	r := f.parent.t.cfg.Open(o)
	defer r.Close()
	present, total := r.Version().Cached()
	return fmt.Sprintf("%d/%d blocks", present, total)
}

// proof returns how the version was compared with the object's own checksum. An
// empty object has nothing to compare.
func (f *file) proof(ctx context.Context, o s3backend.Object) (string, syscall.Errno) {
	if o.Size == 0 {
		return blockcache.ProvedCRC.String(), 0
	}
	r := f.parent.t.cfg.Open(o)
	defer r.Close()
	p, err := r.Version().Proof(ctx)
	if err != nil {
		return "", f.parent.t.errno(ctx, "getxattr", f.path(), err)
	}
	return p.String(), 0
}

// Getxattr implements fs.NodeGetxattrer.
func (d *dir) Getxattr(ctx context.Context, attr string, dest []byte) (uint32, syscall.Errno) {
	switch attr {
	case xattrKey:
		return fill(dest, d.t.cfg.Catalog.Below(d.path))
	case xattrRefresh:
		return d.t.refreshXattr(ctx, d.path, dest)
	case xattrHidden:
	default:
		if foreign(attr) {
			return 0, syscall.ENOTSUP
		}
		return 0, syscall.ENODATA
	}
	l, err := d.t.cfg.Catalog.List(ctx, d.path)
	if err != nil {
		return 0, d.t.errno(ctx, "getxattr", d.path, err)
	}
	h := l.Hidden
	return fill(dest, "total="+strconv.Itoa(h.Total())+
		" unrepresentable="+strconv.Itoa(h.Unrepresentable)+
		" shadowed="+strconv.Itoa(h.Shadowed)+
		" marker_content="+strconv.Itoa(h.MarkerContent)+
		" too_long="+strconv.Itoa(h.TooLong))
}

// Listxattr implements fs.NodeListxattrer.
func (d *dir) Listxattr(_ context.Context, dest []byte) (uint32, syscall.Errno) {
	return fillNames(dest, []string{xattrKey, xattrHidden})
}

// fill copies value where it fits; an empty dest asks for the size.
func fill(dest []byte, value string) (uint32, syscall.Errno) {
	if len(dest) < len(value) {
		return uint32(len(value)), syscall.ERANGE
	}
	return uint32(copy(dest, value)), 0
}

func fillNames(dest []byte, names []string) (uint32, syscall.Errno) {
	all := ""
	for _, n := range names {
		all += n + "\x00"
	}
	return fill(dest, all)
}
