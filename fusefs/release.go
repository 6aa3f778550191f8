package fusefs

import (
	"context"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
)

var _ fs.FileReleaser = (*handle)(nil)

// Release implements fs.FileReleaser. The kernel sends it after the last read of
// the handle has been answered.
func (h *handle) Release(context.Context) syscall.Errno {
	h.close()
	return 0
}

func (h *handle) close() {
	if h.reader != nil {
		h.reader.Close()
	}
}
