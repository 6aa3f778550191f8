package blockcache

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// kernelUse counts the files of the kernel that read from a data file without us.
// While there are any, the data must not be changed and no hole be made in it.
// Guarded by Memory.mu.
type kernelUse struct {
	handles int
	bytes   int64 // of a file without a name, which its last handle frees
}

// inKernelLocked reports whether the kernel reads the version's file without us.
func (o *object) inKernelLocked() bool { return o.store.kernel.handles > 0 }

// Backing is a version's data file in the hands of the kernel.
type Backing struct {
	o    *object
	use  *kernelUse
	fd   int
	inum uint64
}

// Fd returns the descriptor, which stays the cache's: open until Release, and not
// to be closed.
func (b *Backing) Fd() int { return b.fd }

// File tells data files of one version apart: two Backings of one number are the
// same file. Never 0.
func (b *Backing) File() uint64 { return b.inum }

// Release says that the kernel has closed its file; exactly once, before the
// version is closed.
func (b *Backing) Release() {
	d, mu := b.o.c.disk, &b.o.c.mem.mu
	mu.Lock()
	defer mu.Unlock()
	b.use.handles--
	if b.use.handles == 0 && b.use.bytes > 0 {
		d.addPresentLocked(-b.use.bytes)
		b.use.bytes = 0
	}
}

// Passthrough returns the version's data file for the kernel to read from, nil
// unless the version is complete, each block has been compared with its checksum,
// and nobody has changed the file since. It reads the map of a version that is
// used for the first time, waits for a hung disk no longer than a read does, and
// fails only with ctx.
func (v *Version) Passthrough(ctx context.Context) (*Backing, error) {
	o := v.o
	if o.c.disk == nil {
		return nil, nil
	}
	// Of its own, since Release takes the package's lock.
	var mu sync.Mutex
	var got *Backing
	late := false
	err := o.withFiles(ctx, func(d *disk) error {
		b, err := d.vouch(o)
		mu.Lock()
		defer mu.Unlock()
		if late && b != nil {
			b.Release()
			b = nil
		}
		got = b
		return err
	})
	mu.Lock()
	defer mu.Unlock()
	late = true
	return got, err
}

// vouch returns a backing for a version that can be vouched for. The caller holds
// the control.
func (d *disk) vouch(o *object) (*Backing, error) {
	mu, s := &d.c.mem.mu, &o.store
	mu.Lock()
	state := s.state
	mu.Unlock()
	if state == storeClosed {
		if err := d.attach(o); err != nil {
			return nil, err
		}
	}
	if err := d.adopt(o); err != nil {
		return nil, err
	}
	mu.Lock()
	d.finishLocked(o)
	sealed, f, writes := s.sealed, s.files, s.writes
	mu.Unlock()
	if !sealed {
		return nil, nil
	}
	var st unix.Stat_t
	if err := errors.Join(unix.Fstat(f.data, &st), opensAgain(f.data)); err != nil {
		return nil, err
	}
	mu.Lock()
	defer mu.Unlock()
	if s.noticeLocked(&st, writes) || !s.sealed || s.files != f || st.Nlink != 1 {
		return nil, nil
	}
	if s.kernel.handles++; d.index[o.id] != nil {
		d.order.passedWhole(d.index[o.id])
	}
	return &Backing{o: o, use: s.kernel, fd: f.data, inum: max(st.Ino, 1)}, nil
}

// opensAgain fails as the kernel's own open of the file will, whose failure would be
// the application's: of a dead file system, which still answers fstat.
func opensAgain(fd int) error {
	again, err := retryInt(func() (int, error) {
		return unix.Open(fmt.Sprintf("/proc/self/fd/%d", fd), unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	})
	switch {
	case err == nil:
		unix.Close(again)
	case errors.Is(err, unix.ENOENT): // there is no /proc, or the file was removed
		return nil
	}
	return err
}

// Watch has fn called, once, when something becomes of the version; see Event. fn
// must not wait. A later call with the same key replaces fn; a version that is
// ready already calls nobody. The cache forgets fn with the version, which it may
// keep for a while after Close.
func (v *Version) Watch(key any, fn func(Event)) {
	mu := &v.o.c.mem.mu
	mu.Lock()
	defer mu.Unlock()
	if v.o.watchers == nil {
		v.o.watchers = map[any]func(Event){}
	}
	v.o.watchers[key] = fn
}

// Proof says whether the version has been proved to be the object. It may read the
// version's map, and fails only with ctx.
func (v *Version) Proof(ctx context.Context) (Proof, error) {
	o := v.o
	if o.c.disk == nil {
		return Unproved, nil
	}
	err := o.withFiles(ctx, func(d *disk) error {
		mu := &d.c.mem.mu
		mu.Lock()
		state := o.store.state
		mu.Unlock()
		if state == storeClosed {
			if err := d.attach(o); err != nil {
				return err
			}
		}
		return d.adopt(o)
	})
	mu := &o.c.mem.mu
	mu.Lock()
	defer mu.Unlock()
	if !o.store.sealed {
		return Unproved, err
	}
	return o.store.proof, err
}
