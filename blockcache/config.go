package blockcache

import (
	"log/slog"

	"github.com/zs3fs/zs3fs/s3backend"
)

// Config says where and how much to cache.
type Config struct {
	// Dir is the cache directory, made with mode 0700 where missing. Several
	// mounts may share it: each has a sub-directory of its own, named after
	// Namespace and locked by one process.
	Dir string
	// Namespace is what, beside the version itself, the cached bytes depend on.
	Namespace Namespace
	// BlockSize in bytes, a power of two; 1 MiB in production, small in tests.
	BlockSize int64
	// Budget is the limit in bytes of what the blocks on disk may take; 0 keeps
	// nothing on disk.
	Budget int64
	// MinFree is how many bytes of the file system are left to others.
	MinFree int64
	// WriteQueue bounds the bytes that wait for the disk. When it is full,
	// further blocks are not cached.
	WriteQueue int64
	// Verify says what of the disk is believed unread.
	Verify Verify
	// Prover is asked for the checksum of a version that has become complete; nil
	// leaves unproved what did not come with its checksum.
	Prover s3backend.Checksummer
	// Memory is the budget of all buffers; shared with package prefetch.
	Memory *Memory
	// Owner is written into the lock file beside the process id, for the message
	// that another process gets: the mount point.
	Owner  string
	Logger *slog.Logger
}

// Namespace names a mount's view of a bucket. Two mounts with different rights
// or keys must never read each other's blocks.
type Namespace struct {
	Endpoint, Bucket, Prefix string
	// KeyID identifies an SSE-C key without disclosing it.
	KeyID string
}
