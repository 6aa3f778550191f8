package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// mountMemory mounts what answers reads from memory.
func mountMemory(p place) (args, env []string) {
	return []string{"memory", p.mnt, strconv.FormatInt(p.size, 10)}, nil
}

// memoryMain is a mount of one file, the large object's name and size, whose bytes are the
// same 16 MiB again and again: FUSE itself, with the options of zs3fs, and nothing behind.
func memoryMain() error {
	if len(os.Args) != 4 {
		return errors.New("usage: bench memory MOUNTPOINT SIZE")
	}
	mnt := os.Args[2]
	size, err := strconv.ParseUint(os.Args[3], 10, 63)
	if err != nil {
		return err
	}
	f := &memoryFile{size: size, data: make([]byte, 16<<20)}
	for i := range f.data {
		f.data[i] = byte(i)
	}
	stop, end := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer end()
	root := &memoryRoot{f: f}
	server, err := fs.Mount(mnt, root, &fs.Options{MountOptions: fuse.MountOptions{
		FsName: "memory", Name: "bench", DirectMount: true, DisableSplice: true,
		// As fusefs/options.go has them.
		MaxWrite: 1 << 20, MaxBackground: 512, CongestionThreshold: 512, ExplicitDataCacheControl: true,
	}})
	if err != nil {
		return err
	}
	if err := setReadAhead(mnt); err != nil {
		return errors.Join(err, server.Unmount())
	}
	<-stop.Done()
	return server.Unmount()
}

// setReadAhead gives the mount the kernel's read-ahead that zs3fs has by default.
func setReadAhead(mnt string) error {
	var st unix.Stat_t
	if err := unix.Stat(mnt, &st); err != nil {
		return err
	}
	file := fmt.Sprintf("/sys/class/bdi/%d:%d/read_ahead_kb", unix.Major(st.Dev), unix.Minor(st.Dev))
	return os.WriteFile(file, []byte("512"), 0)
}

type memoryRoot struct {
	fs.Inode
	f *memoryFile
}

// OnAdd implements fs.NodeOnAdder.
func (r *memoryRoot) OnAdd(ctx context.Context) {
	r.AddChild("big", r.NewPersistentInode(ctx, r.f, fs.StableAttr{}), false)
	// The benchmark lists it before it measures.
	r.AddChild("small", r.NewPersistentInode(ctx, &fs.Inode{}, fs.StableAttr{Mode: syscall.S_IFDIR}), false)
}

// memoryFile needs no handle. Its methods may run concurrently.
type memoryFile struct {
	fs.Inode
	size uint64
	data []byte // read only
}

// Getattr implements fs.NodeGetattrer.
func (f *memoryFile) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	out.Mode, out.Size = 0o444, f.size
	return 0
}

// Open implements fs.NodeOpener.
func (f *memoryFile) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, fuse.FOPEN_KEEP_CACHE, 0
}

// Read implements fs.NodeReader. A request of the kernel begins at a multiple of a page
// and has at most 1 MiB, so that it seldom meets the data's end; there it is copied.
func (f *memoryFile) Read(_ context.Context, _ fs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	n := min(int64(len(dest)), max(0, int64(f.size)-off))
	at := off % int64(len(f.data))
	if at+n <= int64(len(f.data)) {
		return fuse.ReadResultData(f.data[at : at+n]), 0
	}
	for done := int64(0); done < n; {
		done += int64(copy(dest[done:n], f.data[(at+done)%int64(len(f.data)):]))
	}
	return fuse.ReadResultData(dest[:n]), 0
}
