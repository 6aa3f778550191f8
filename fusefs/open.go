package fusefs

import (
	"context"
	"errors"
	iofs "io/fs"
	"log/slog"
	"strconv"
	"strings"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/zs3fs/zs3fs/prefetch"
	"github.com/zs3fs/zs3fs/s3backend"
)

var _ fs.NodeOpener = (*file)(nil)

// handle is an open file: one version, pinned.
type handle struct {
	f   *file
	obj s3backend.Object
	// reader is nil for an empty object, of which nothing is ever asked.
	reader *prefetch.Reader
}

// openFlags: the inode is one version, so its page cache never goes stale; and
// there is nothing to flush at close, which saves a round trip.
const openFlags = fuse.FOPEN_KEEP_CACHE | fuse.FOPEN_NOFLUSH

// Open implements fs.NodeOpener.
func (f *file) Open(ctx context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	h, answer, errno := f.open(ctx, flags)
	switch errno {
	case syscall.EINTR: // server.Open asks once more, or notes the end
	case syscall.ESTALE:
		f.parent.t.reopens.failed(ctx, f.path())
	default:
		f.parent.t.reopens.end(ctx)
	}
	return h, answer, errno
}

func (f *file) open(ctx context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	if flags&syscall.O_ACCMODE != syscall.O_RDONLY {
		return nil, 0, syscall.EROFS
	}
	if flags&syscall.O_DIRECT != 0 || f.parent.t.cfg.Catalog.RevalidateOnOpen() {
		if errno := f.revalidate(ctx, flags&syscall.O_DIRECT != 0); errno != 0 {
			return nil, 0, errno
		}
	}
	h := &handle{f: f, obj: f.object()}
	if h.obj.Size > 0 {
		h.reader = f.parent.t.cfg.Open(h.obj)
	}
	if h.obj.Archived() && !h.cached() {
		h.close()
		f.parent.t.logArchived(h.obj)
		return nil, 0, syscall.EACCES
	}
	if h.reader == nil {
		return h, openFlags, 0
	}
	backing, errno := f.backingOf(ctx, h.reader.Version())
	switch {
	case errno != 0:
		h.close()
		return nil, 0, errno
	case backing != nil:
		f.parent.t.counts.kernelOpens.Add(1)
		f.opened(h.reader, true)
		return &kernelHandle{h, backing}, openFlags | directFlag(flags), 0
	}
	f.parent.t.counts.daemonOpens.Add(1)
	f.opened(h.reader, false)
	if f.parent.t.cfg.DirectIO {
		return h, openFlags | fuse.FOPEN_DIRECT_IO, 0
	}
	return h, openFlags, 0
}

// directFlag lets reads with O_DIRECT of a file that the kernel reads come to us: the
// cache's file system would refuse those that do not suit its sectors, which were
// right while the file was not complete, and would read the disk for bytes that
// lie in its memory. Mappings are still the kernel's.
func directFlag(flags uint32) uint32 {
	if flags&syscall.O_DIRECT != 0 {
		return fuse.FOPEN_DIRECT_IO
	}
	return 0
}

// revalidate asks whether this version is still the current one. ESTALE makes the
// kernel walk the path once more with fresh lookups, and open what it finds then. While
// S3 cannot be reached, the version that is known will do for --consistency=open, which
// --offline-ok is about as well, but not for who asks for the truth with O_DIRECT.
func (f *file) revalidate(ctx context.Context, direct bool) syscall.Errno {
	if f.parent.t.reopens.second(ctx, f.path(), f.version) {
		return 0
	}
	n, err := f.parent.t.cfg.Catalog.Revalidate(ctx, f.path())
	switch {
	case !direct && f.parent.t.cfg.Catalog.Offline(err):
		return 0
	case errors.Is(err, iofs.ErrNotExist):
		return syscall.ESTALE
	case err != nil:
		return f.parent.t.errno(ctx, "open", f.path(), err)
	case generationOf(n.Object) != f.version:
		return syscall.ESTALE
	}
	f.refresh(n.Object)
	return 0
}

// cached reports whether no byte need be asked for.
func (h *handle) cached() bool {
	if h.reader == nil {
		return true
	}
	present, total := h.reader.Version().Cached()
	return present == total
}

// logArchived says what EACCES does not: that the object can be had, and how.
func (t *tree) logArchived(o s3backend.Object) {
	bucket, _, _ := strings.Cut(strings.TrimPrefix(t.cfg.FSName, "s3://"), "/")
	key := strconv.QuoteToASCII(o.Key)
	t.archivedLog.Do(func() {
		t.cfg.Logger.LogAttrs(context.Background(), slog.LevelWarn, "object is archived: it can be read once it is restored",
			slog.String("key", key), slog.String("storage_class", o.StorageClass),
			slog.String("restore", "aws s3api restore-object --bucket "+bucket+" --restore-request Days=7 --key "+key))
	})
}
