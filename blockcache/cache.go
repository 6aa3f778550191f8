package blockcache

import (
	"errors"
	"fmt"
	"log/slog"
	"math/bits"

	"github.com/zs3fs/zs3fs/s3backend"
)

// Cache is the set of cached versions of one mount. All methods may be called
// concurrently.
type Cache struct {
	cfg       Config
	mem       *Memory
	blockSize int64
	counts    counts
	disk      *disk // nil: nothing is kept on disk
	// Guarded by Memory.mu.
	objects   map[identity]*object
	disproofs map[identity]disproof
}

// Open opens or makes the cache below cfg.Dir and takes its lock. It does not
// read what is cached: that is swept in the background. Errors tell what to do:
// *LockedError when another process has it, *UnsafeError when the directory is
// not ours alone, *FormatError when a newer program made it, else the file
// system's own. With a Budget of 0 no directory is looked at.
func Open(cfg Config) (*Cache, error) {
	return open(cfg, realSyscalls())
}

func open(cfg Config, sys syscalls) (*Cache, error) {
	if cfg.BlockSize <= 0 || bits.OnesCount64(uint64(cfg.BlockSize)) != 1 {
		return nil, fmt.Errorf("blockcache: block size %d is not a power of two", cfg.BlockSize)
	}
	if cfg.Memory == nil || cfg.Memory.blockSize != cfg.BlockSize {
		return nil, errors.New("blockcache: the memory has no buffers of the block size")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Cache{cfg: cfg, mem: cfg.Memory, blockSize: cfg.BlockSize, objects: map[identity]*object{},
		disproofs: map[identity]disproof{}}
	if cfg.Budget > 0 {
		d, err := openDisk(c, sys)
		if err != nil {
			return nil, err
		}
		c.disk = d
		d.start()
	}
	return c, nil
}

// Version returns the handle of one version, shared and counted: every handle
// must be closed. It does no I/O and cannot fail.
func (c *Cache) Version(obj s3backend.Object) *Version {
	id := identify(c.cfg.Namespace, obj)
	c.mem.mu.Lock()
	defer c.mem.mu.Unlock()
	o := c.objects[id]
	if o == nil {
		o = c.newObjectLocked(id, obj.Size)
	}
	if o.obj == nil || obj.VersionID != "" {
		o.obj = &obj
	}
	v := &Version{o: o, obj: obj}
	if c.disk != nil {
		v.pass.segments = c.disk.order.segments(obj.Size)
		if o.handles == 0 {
			c.disk.order.opened(c.disk.index[id])
		}
	}
	o.handles++
	o.users++
	c.mem.open++
	return v
}

func (c *Cache) newObjectLocked(id identity, size int64) *object {
	o := &object{c: c, id: id, size: size, blocks: map[int64]*block{}, store: newStore(), final: c.disproofs[id].final}
	c.objects[id] = o
	return o
}

// Filesystem names the file system of the cache directory: "zfs", "ext4", ...;
// empty when nothing is kept on disk.
func (c *Cache) Filesystem() string {
	if c.disk == nil {
		return ""
	}
	return c.disk.filesystem()
}

// Close writes out what is queued (bounded in time), stops every goroutine and
// gives up the lock. No version may be used afterwards.
func (c *Cache) Close() error {
	if c.disk == nil {
		return nil
	}
	return c.disk.close()
}
