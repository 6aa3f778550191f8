package fusefs

import (
	"os"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// A call that was interrupted is made again for who goes on, until it ends by itself,
// and for nobody else.
func TestUndisturbed(t *testing.T) {
	interrupted := make(chan struct{})
	close(interrupted)
	for _, c := range []struct {
		is     string
		cancel chan struct{}
		tid    uint32
		says   fuse.Status // of a call that is not interrupted
		want   fuse.Status
		calls  int
	}{
		{"no interrupt", make(chan struct{}), uint32(os.Getpid()), fuse.OK, fuse.OK, 1},
		{"no interrupt, and an error", make(chan struct{}), uint32(os.Getpid()), fuse.EIO, fuse.EIO, 1},
		{"a process that goes on", interrupted, uint32(os.Getpid()), fuse.OK, fuse.OK, 2},
		{"a process that goes on, to an error", interrupted, uint32(os.Getpid()), fuse.EIO, fuse.EIO, 2},
		{"a process that is gone", interrupted, 1 << 31, fuse.OK, fuse.EINTR, 1},
		{"a process of elsewhere", interrupted, 0, fuse.OK, fuse.EINTR, 1},
	} {
		calls := 0
		got := undisturbed(c.cancel, c.tid, func(cancel <-chan struct{}) fuse.Status {
			calls++
			select {
			case <-cancel:
				return fuse.EINTR
			default:
				return c.says
			}
		})
		if got != c.want || calls != c.calls {
			t.Errorf("%s: %v by %d calls, want %v by %d", c.is, got, calls, c.want, c.calls)
		}
	}
}
