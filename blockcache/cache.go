package blockcache

import "github.com/zs3fs/zs3fs/s3backend"

// Cache is the set of cached versions of one mount. All methods may be called
// concurrently.
type Cache struct{}

// Open opens or makes the cache below cfg.Dir and takes its lock. It does not
// read what is cached: that is swept in the background. Errors tell what to do:
// *LockedError when another process has it, *UnsafeError when the directory is
// not ours alone, else the file system's own.
func Open(cfg Config) (*Cache, error) { panic("not built yet") }

// Version returns the handle of one version, shared and counted: every handle
// must be closed. It does no I/O and cannot fail.
func (c *Cache) Version(obj s3backend.Object) *Version { panic("not built yet") }

// Filesystem names the file system of the cache directory: "zfs", "ext4", ...
func (c *Cache) Filesystem() string { panic("not built yet") }

// Stats returns the counters as of now.
func (c *Cache) Stats() Stats { panic("not built yet") }

// Close writes out what is queued (bounded in time), stops every goroutine and
// gives up the lock. No version may be used afterwards.
func (c *Cache) Close() error { panic("not built yet") }

// Stats counts what the cache did since it was opened; bytes unless said.
type Stats struct {
	DiskBytes   int64 // present on disk now, by our own accounting
	DiskHits    int64 // bytes answered from disk
	MemoryHits  int64 // bytes answered from memory: in flight or still held
	Fetched     int64 // bytes received from the source
	Requests    int64 // flights begun
	Written     int64 // bytes written to disk
	Dropped     int64 // blocks not cached because the queue or the disk was full
	Evicted     int64 // blocks evicted
	Mismatches  int64 // blocks whose checksum did not match: dropped
	WriteErrors int64 // failed writes
	ReadErrors  int64 // failed reads of the cache's disk
}
