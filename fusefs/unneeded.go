package fusefs

import (
	"context"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
)

// Requests about which there is nothing to do. ENOSYS is the way to say so once
// for the whole mount: the kernel then does itself what is right for a file that
// is all data and never written, and asks no more.
var (
	_ fs.FileFlusher    = (*handle)(nil)
	_ fs.FileFsyncer    = (*handle)(nil)
	_ fs.FileLseeker    = (*handle)(nil)
	_ fs.FileFsyncdirer = (*dirHandle)(nil)
)

// Flush implements fs.FileFlusher; kernels before 5.16 do not know FOPEN_NOFLUSH.
func (h *handle) Flush(context.Context) syscall.Errno { return syscall.ENOSYS }

// Fsync implements fs.FileFsyncer. go-fuse's own answer, ENOTSUP, would reach the
// caller.
func (h *handle) Fsync(context.Context, uint32) syscall.Errno { return syscall.ENOSYS }

// Lseek implements fs.FileLseeker, for SEEK_DATA and SEEK_HOLE.
func (h *handle) Lseek(context.Context, uint64, uint32) (uint64, syscall.Errno) {
	return 0, syscall.ENOSYS
}

// Fsyncdir implements fs.FileFsyncdirer.
func (h *dirHandle) Fsyncdir(context.Context, uint32) syscall.Errno { return syscall.ENOSYS }
