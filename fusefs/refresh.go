package fusefs

import (
	"context"
	"os"
	"strings"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// xattrRefresh is an attribute that nothing lists: who reads it has the path asked
// for anew. Other mounts have one to be written; of a mount that is read-only the
// kernel lets none through.
const xattrRefresh = "user.zs3fs.refresh"

// Refresh has path (relative to the mount point, "" is all) and everything below
// it asked for anew: what the catalog keeps, and the names and attributes that the
// kernel has. Open files go on with their version, and what is mounted below stays: the
// names that lead there are kept. It sends no request. It must
// not be called by a handler of a request for which the kernel holds a
// directory's lock.
func (m *Mount) Refresh(path string) { m.tree.refresh(path) }

func (t *tree) refresh(path string) {
	// Taking a name away from the kernel unmounts what is mounted there and below.
	covered, err := t.at.covered()
	if err != nil {
		t.cfg.Logger.Warn("the mount table cannot be read: a refresh may unmount what is mounted below", "error", err)
	}
	t.refreshPath(path, covered)
	// Whether a directory is in its place may be what has changed.
	if object, ok := t.cfg.Catalog.Shadowed(path); ok {
		t.refreshPath(object, covered)
	}
}

func (t *tree) refreshPath(path string, covered map[string]bool) {
	path = t.cfg.Catalog.Refresh(path)
	at := t.root.EmbeddedInode()
	if path != "" {
		dir := at
		for name := range strings.SplitSeq(path, "/") {
			if dir, at = at, at.GetChild(name); at == nil {
				dir.NotifyEntry(name) // the kernel may know that it does not exist
				return
			}
		}
		if !covered[path] {
			dir.NotifyEntry(path[strings.LastIndexByte(path, '/')+1:])
		}
	}
	// Taking a directory away takes what nobody uses below it; the rest by name.
	type found struct {
		dir  *fs.Inode
		path string
	}
	for below := []found{{at, path}}; len(below) > 0; {
		p := below[len(below)-1]
		below = below[:len(below)-1]
		for name, child := range p.dir.Children() {
			path := strings.TrimPrefix(p.path+"/"+name, "/")
			if !covered[path] {
				p.dir.NotifyEntry(name)
			}
			if child.IsDir() {
				below = append(below, found{child, path})
			}
		}
	}
}

// refreshXattr is for the mount's owner and root: others could have a large bucket
// listed again and again.
func (t *tree) refreshXattr(ctx context.Context, path string, dest []byte) (uint32, syscall.Errno) {
	caller, ok := fuse.FromContext(ctx)
	if !ok || caller.Uid != 0 && caller.Uid != uint32(os.Geteuid()) {
		return 0, syscall.EPERM
	}
	n, errno := fill(dest, "refreshed")
	if errno == 0 { // else it is the size that is asked for
		t.refresh(path)
	}
	return n, errno
}
