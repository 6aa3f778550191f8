package fusefs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/zs3fs/zs3fs/blockcache"
)

// A wholly cached file is read by the kernel from the cache's disk, without us
// (FUSE passthrough). The kernel does not let one inode be read both ways at once:
// an open that tried would be EIO for the application. Hence every file inode has
// one way, chosen at its first open. When the other one becomes
// right, because the version became complete or the cached file was damaged, the
// inode is retired: its name is taken back from the kernel, the next lookup makes
// another inode of equal st_ino, and handles of the old one go on as they are. Only
// from the kernel to us does an inode change, when it has no open file.
type way uint8

const (
	wayOpen   way = iota // nobody has opened the file yet
	wayDaemon            // reads come to us, and stay in the page cache
	wayKernel
)

// course is how an inode is read.
type course struct {
	mu        sync.Mutex // guards the following, and comes before renewals.mu
	backing   uint64     // the cache's file that the kernel reads, while way is wayKernel
	way       way
	forgotten bool  // by the kernel
	kernel    int32 // handles that the kernel reads by itself
}

// kernelHandle is an open file that the kernel reads by itself. That it can Read,
// too, is for the case that the kernel refuses it in spite of the probe.
type kernelHandle struct {
	*handle
	backing *blockcache.Backing
}

var (
	_ fs.FilePassthroughFder = (*kernelHandle)(nil)
	_ fs.FileReleaser        = (*kernelHandle)(nil)
	_ fs.FileReader          = (*kernelHandle)(nil)
	_ fs.NodeOnForgetter     = (*file)(nil)
)

// PassthroughFd implements fs.FilePassthroughFder.
func (h *kernelHandle) PassthroughFd() (int, bool) { return h.backing.Fd(), true }

// Release implements fs.FileReleaser.
func (h *kernelHandle) Release(ctx context.Context) syscall.Errno {
	h.backing.Release()
	h.f.course.mu.Lock()
	h.f.course.kernel--
	h.f.course.mu.Unlock()
	return h.handle.Release(ctx)
}

// backingOf returns what the kernel is to read from, nil when reads come to us.
// ESTALE makes the kernel look the name up again, and open what it finds then.
func (f *file) backingOf(ctx context.Context, v *blockcache.Version) (*blockcache.Backing, syscall.Errno) {
	if !f.parent.t.passthrough.on.Load() {
		return nil, 0
	}
	v.Watch(f, f.became) // before looking, so that nothing happens in between
	b, err := v.Passthrough(ctx)
	if err != nil {
		return nil, f.parent.t.errno(ctx, "open", f.path(), err)
	}
	f.known() // who opens it has it from a lookup
	c := &f.course
	c.mu.Lock()
	if c.way == wayOpen {
		c.way = wayDaemon
		if b != nil {
			c.way, c.backing = wayKernel, b.File()
		}
	}
	if c.way == wayKernel && c.kernel == 0 && (b == nil || b.File() != c.backing) {
		// ESTALE would not help who has the inode and not its name: a bind mount of the
		// file, and /proc/PID/fd, look nothing up. Nobody reads it by the kernel now.
		c.way = wayDaemon
	}
	way := c.way
	right := way == wayDaemon && b == nil || way == wayKernel && b != nil && b.File() == c.backing
	if right && way == wayKernel {
		c.kernel++
	}
	c.mu.Unlock()
	if right {
		return b, 0
	}
	f.retire()
	if b != nil {
		b.Release()
	}
	if way == wayKernel {
		return nil, syscall.ESTALE
	}
	return nil, 0
}

// became is told by the cache.
func (f *file) became(e blockcache.Event) {
	if e == blockcache.Disproved {
		f.parent.t.stale.forget(f)
	}
	f.course.mu.Lock()
	wrong := f.course.way == wayDaemon || e == blockcache.Disproved
	f.course.mu.Unlock()
	if wrong {
		f.retire()
	}
}

// retire makes the next lookup of the name return another inode.
func (f *file) retire() {
	f.course.mu.Lock()
	first := !f.retired.Load() && !f.course.forgotten
	if first {
		f.retired.Store(true)
		f.parent.t.renewals.retired(f.version)
	}
	f.course.mu.Unlock()
	if first {
		f.parent.t.counts.retired.Add(1)
		f.parent.t.stale.add(entry{f.parent, f.name})
	}
}

// OnForget implements fs.NodeOnForgetter.
func (f *file) OnForget() {
	f.course.mu.Lock()
	// Before a lookup notices that it came back, it may be forgotten once more: that
	// counts once.
	first := !f.course.forgotten
	if first && f.retired.Load() {
		f.parent.t.renewals.forgotten(f.version)
	}
	f.course.forgotten = true
	f.course.mu.Unlock()
	if first {
		f.parent.t.inodes.add(-1)
	}
}

// known says that a lookup has met this one, perhaps in the moment of its FORGET: then it
// comes back.
func (f *file) known() {
	f.course.mu.Lock()
	back := f.course.forgotten && !f.retired.Load()
	if back {
		f.course.forgotten = false
	}
	f.course.mu.Unlock()
	if back {
		f.parent.t.inodes.add(1)
	}
}

// passthrough says whether the kernel reads complete files by itself.
type passthrough struct {
	on atomic.Bool
	// reason why not; set before the mount serves.
	reason string
}

// probe asks the kernel once with a file that is known to be good: after one
// refusal go-fuse would never try again.
func (p *passthrough) probe(cfg Config, server *fuse.Server) {
	p.reason = func() string {
		if cfg.Backing == nil {
			return "switched off"
		}
		if server.KernelSettings().Flags64()&fuse.CAP_PASSTHROUGH == 0 {
			return "the kernel cannot do it: Linux 6.9 or newer with FUSE_PASSTHROUGH is needed"
		}
		good, err := cfg.Backing()
		if err != nil {
			return err.Error()
		}
		defer good.Close()
		// The kernel hands an application's O_DIRECT on, and its open would fail.
		if fd, err := syscall.Open(fmt.Sprintf("/proc/self/fd/%d", good.Fd()), syscall.O_RDONLY|syscall.O_DIRECT|syscall.O_CLOEXEC, 0); err == nil {
			syscall.Close(fd)
		} else if errors.Is(err, syscall.EINVAL) {
			return "the cache's file system does not know O_DIRECT"
		}
		id, errno := server.RegisterBackingFd(&fuse.BackingMap{Fd: int32(good.Fd())})
		switch {
		case errno == 0:
			server.UnregisterBackingFd(id)
			return ""
		case errors.Is(errno, syscall.EPERM):
			return "the kernel allows it to root only"
		case errors.Is(errno, syscall.ELOOP):
			return "the cache lies on a stacked file system, such as overlayfs"
		}
		return "the kernel refuses the cache's file system: " + errno.Error()
	}()
	p.on.Store(p.reason == "")
	if p.reason == "" {
		cfg.Logger.Info("passthrough is on: the kernel reads complete files by itself")
	} else {
		cfg.Logger.Warn("passthrough is off: cached files are read through the daemon", "reason", p.reason)
	}
}
