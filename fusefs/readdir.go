package fusefs

import (
	"context"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/zs3fs/zs3fs/s3backend/catalog"
)

var (
	_ fs.NodeOpendirHandler = (*dir)(nil)
	_ fs.FileReaddirenter   = (*dirHandle)(nil)
	_ fs.FileSeekdirer      = (*dirHandle)(nil)
	_ fs.FileReleasedirer   = (*dirHandle)(nil)
	_ fs.FileLookuper       = (*dirHandle)(nil)
)

// OpendirHandle implements fs.NodeOpendirHandler. The bucket is asked at the first
// read, since many open a directory only to have it (openat, fchdir).
// FOPEN_CACHE_DIR is not used. The kernel adds to its list what any handle reads where that
// ends (fuse_add_dirent_to_cache), so that two handles with a snapshot each, as rule 12
// has it, would make a list that is neither's; and Linux 6.9 to 6.12 keep it beyond its
// time. The catalog keeps the names already: a second ls sends no request.
func (d *dir) OpendirHandle(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return &dirHandle{d: d, lookups: d.lookups.Load()}, 0, 0
}

// dirHandle reads one snapshot: offset n is after the n-th entry of ".", ".." and
// the listing. The bridge calls one method at a time.
type dirHandle struct {
	d    *dir
	snap *catalog.Snapshot // nil until the first read
	pos  uint64
	// lookups is d's when the handle was opened.
	lookups int64
	// plain: files come without attributes, unless somebody looks names up.
	plain bool
	given int  // files that came with attributes
	ended bool // the end has been read, which the kernel does once more
}

// Seekdir implements fs.FileSeekdirer; it comes before each READDIR (see
// server.go). Going back to the start takes a new snapshot, as POSIX asks of
// rewinddir.
func (h *dirHandle) Seekdir(_ context.Context, off uint64) syscall.Errno {
	h.pos = off &^ seekTag
	if h.pos == 0 {
		h.close()
	}
	return 0
}

// Releasedir implements fs.FileReleasedirer.
func (h *dirHandle) Releasedir(context.Context, uint32) { h.close() }

func (h *dirHandle) close() {
	if h.snap != nil {
		h.snap.Close()
		h.snap = nil
	}
}

// Readdirent implements fs.FileReaddirenter. The directory has been found before its
// first entry is given: a listing that fails at once fails as a whole.
func (h *dirHandle) Readdirent(ctx context.Context) (*fuse.DirEntry, syscall.Errno) {
	if h.snap == nil {
		snap, err := h.d.t.cfg.Catalog.Open(h.d.path)
		if err != nil {
			return nil, h.d.t.errno(ctx, "readdir", h.d.path, err)
		}
		h.snap = snap
		h.given, h.ended, h.plain = 0, false, h.d.t.wants.plain()
		h.d.plain.Store(h.plain)
	}
	n, ok, err := h.snap.At(ctx, int(max(h.pos, 2)-2))
	if err != nil {
		return nil, h.d.t.errno(ctx, "readdir", h.d.path, err)
	}
	e := fuse.DirEntry{Mode: syscall.S_IFDIR, Off: h.pos + 1}
	switch {
	case h.pos == 0:
		e.Name, e.Ino = ".", h.d.StableAttr().Ino
	case h.pos == 1:
		e.Name, e.Ino = "..", h.d.t.ino(parentPath(h.d.path))
	case ok:
		e.Name, e.Ino = n.Name, h.d.t.ino(h.d.join(n.Name))
		if !n.Dir {
			e.Mode = syscall.S_IFREG
		}
	default:
		h.d.saw(h.snap.Complete())
		if !h.ended {
			h.ended = true
			h.d.t.wants.ended(h.given)
		}
		return nil, 0
	}
	h.pos++
	return &e, 0
}

// In a large directory the entries from probeAt on, probeNames of them, come without
// attributes, so that it shows whether anybody wants these. find reads 100,000 names
// before it looks at the first, and a buffer more: until then all others have them.
const (
	probeAt    = 10_000
	probeNames = 100
	plainAfter = 102_000
)

// wanted reports whether an entry is to come with attributes, which makes an inode: for
// those of a large directory, once a name in it has been looked up.
// The kernel's own way, READDIRPLUS_AUTO, has the same idea, but forgets it after one
// answer: find would look up all but 200 of each 100,000 by themselves.
func (h *dirHandle) wanted(n catalog.Node) bool {
	switch {
	case h.d.lookups.Load() != h.lookups:
		return true
	case h.pos >= plainAfter, probeAt <= h.pos && h.pos < probeAt+probeNames:
		return false
	}
	return n.Dir || !h.plain
}

// Lookup implements fs.FileLookuper for READDIRPLUS: what the snapshot says, with
// no request.
func (h *dirHandle) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	n, ok := h.snap.Find(name)
	if !ok || !h.wanted(n) {
		return nil, syscall.ENOENT
	}
	if !n.Dir {
		h.given++
	}
	return h.d.child(ctx, n, out), 0
}
