package fusefs

import "github.com/hanwen/go-fuse/v2/fuse"

// ownerAndRoot is allow_root, of which the kernel knows nothing: the mount is open
// to all, and here everyone but its owner and root is turned away wherever a path
// or a handle is first used. The rest follows from a handle.
type ownerAndRoot struct {
	fuse.RawFileSystem
	owner uint32
}

func (r ownerAndRoot) denies(h *fuse.InHeader) bool { return h.Uid != 0 && h.Uid != r.owner }

// Lookup implements fuse.RawFileSystem.
func (r ownerAndRoot) Lookup(cancel <-chan struct{}, h *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	if r.denies(h) {
		return fuse.EACCES
	}
	return r.RawFileSystem.Lookup(cancel, h, name, out)
}

// GetAttr implements fuse.RawFileSystem.
func (r ownerAndRoot) GetAttr(cancel <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	if r.denies(&in.InHeader) {
		return fuse.EACCES
	}
	return r.RawFileSystem.GetAttr(cancel, in, out)
}

// Open implements fuse.RawFileSystem.
func (r ownerAndRoot) Open(cancel <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	if r.denies(&in.InHeader) {
		return fuse.EACCES
	}
	return r.RawFileSystem.Open(cancel, in, out)
}

// OpenDir implements fuse.RawFileSystem.
func (r ownerAndRoot) OpenDir(cancel <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	if r.denies(&in.InHeader) {
		return fuse.EACCES
	}
	return r.RawFileSystem.OpenDir(cancel, in, out)
}

// Access implements fuse.RawFileSystem.
func (r ownerAndRoot) Access(cancel <-chan struct{}, in *fuse.AccessIn) fuse.Status {
	if r.denies(&in.InHeader) {
		return fuse.EACCES
	}
	return r.RawFileSystem.Access(cancel, in)
}

// StatFs implements fuse.RawFileSystem.
func (r ownerAndRoot) StatFs(cancel <-chan struct{}, in *fuse.InHeader, out *fuse.StatfsOut) fuse.Status {
	if r.denies(in) {
		return fuse.EACCES
	}
	return r.RawFileSystem.StatFs(cancel, in, out)
}

// GetXAttr implements fuse.RawFileSystem.
func (r ownerAndRoot) GetXAttr(cancel <-chan struct{}, h *fuse.InHeader, attr string, dest []byte) (uint32, fuse.Status) {
	if r.denies(h) {
		return 0, fuse.EACCES
	}
	return r.RawFileSystem.GetXAttr(cancel, h, attr, dest)
}

// ListXAttr implements fuse.RawFileSystem.
func (r ownerAndRoot) ListXAttr(cancel <-chan struct{}, h *fuse.InHeader, dest []byte) (uint32, fuse.Status) {
	if r.denies(h) {
		return 0, fuse.EACCES
	}
	return r.RawFileSystem.ListXAttr(cancel, h, dest)
}
