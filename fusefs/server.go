package fusefs

import (
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// server stands between go-fuse's server and its bridge to the nodes.
type server struct {
	fuse.RawFileSystem
	reopens *reopens
}

// seekTag marks an offset that the bridge has never given out, so that it takes
// each READDIR for a seek and asks dirHandle for the exact place. Otherwise it
// resumes an interrupted read from the entries of its last answer, and when these
// do not fit a second time (READDIRPLUS after READDIR, or a smaller buffer) the
// rest of them is lost: names would be missing.
const seekTag = 1 << 62

// ReadDir implements fuse.RawFileSystem.
func (s server) ReadDir(cancel <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	tagged := *in
	tagged.Offset |= seekTag
	// The bridge answers EINTR only while out is empty.
	return undisturbed(cancel, in.Pid, func(cancel <-chan struct{}) fuse.Status {
		return s.RawFileSystem.ReadDir(cancel, &tagged, out)
	})
}

// ReadDirPlus implements fuse.RawFileSystem.
func (s server) ReadDirPlus(cancel <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	tagged := *in
	tagged.Offset |= seekTag
	return undisturbed(cancel, in.Pid, func(cancel <-chan struct{}) fuse.Status {
		return s.RawFileSystem.ReadDirPlus(cancel, &tagged, out)
	})
}

// Lookup implements fuse.RawFileSystem. A name that does not exist and has a time
// to live is answered as node 0, which the kernel keeps for that time.
func (s server) Lookup(cancel <-chan struct{}, in *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	st := undisturbed(cancel, in.Pid, func(cancel <-chan struct{}) fuse.Status {
		return s.RawFileSystem.Lookup(cancel, in, name, out)
	})
	s.answered(in.Caller, st)
	if st == fuse.ENOENT && out.EntryTimeout() > 0 {
		return fuse.OK
	}
	return st
}

// Open implements fuse.RawFileSystem.
func (s server) Open(cancel <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	st := undisturbed(cancel, in.Pid, func(cancel <-chan struct{}) fuse.Status {
		return s.RawFileSystem.Open(cancel, in, out)
	})
	s.answered(in.Caller, st)
	return st
}

// answered notes that the caller's open(2), if it is one, ends with an interrupt: the nodes
// are asked once more after most of them.
func (s server) answered(caller fuse.Caller, st fuse.Status) {
	if st == fuse.EINTR {
		s.reopens.end(&fuse.Context{Caller: caller})
	}
}

// directTag marks the offset of a read that goes around the page cache, of which the
// bridge does not tell. It is the sign, as the kernel has no negative offsets: any other one
// may come of a program, which with direct_io is asked for as it is.
const directTag = 1 << 63

// Read implements fuse.RawFileSystem.
func (s server) Read(cancel <-chan struct{}, in *fuse.ReadIn, buf []byte) (result fuse.ReadResult, st fuse.Status) {
	// Those for the page cache have no lock owner, all others do: O_DIRECT, FOPEN_DIRECT_IO
	// and loop devices (Linux, fs/fuse/file.c: fuse_send_read, fuse_send_readpages).
	if in.ReadFlags&fuse.READ_LOCKOWNER != 0 || in.Flags&syscall.O_DIRECT != 0 {
		tagged := *in
		tagged.Offset |= directTag
		in = &tagged
	}
	st = undisturbed(cancel, in.Pid, func(cancel <-chan struct{}) (st fuse.Status) {
		result, st = s.RawFileSystem.Read(cancel, in, buf)
		return st
	})
	return result, st
}

// GetXAttr implements fuse.RawFileSystem.
func (s server) GetXAttr(cancel <-chan struct{}, in *fuse.InHeader, name string, dest []byte) (n uint32, st fuse.Status) {
	st = undisturbed(cancel, in.Pid, func(cancel <-chan struct{}) (st fuse.Status) {
		n, st = s.RawFileSystem.GetXAttr(cancel, in, name, dest)
		return st
	})
	return n, st
}
