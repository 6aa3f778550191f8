package fusefs

import (
	"log/slog"
	"os"
	"time"

	"github.com/zs3fs/zs3fs/prefetch"
	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/catalog"
)

// Config of a mount.
type Config struct {
	Catalog *catalog.Catalog
	// Open returns the reader of a version: prefetch.Crew.Open. It does no I/O.
	Open func(s3backend.Object) *prefetch.Reader
	// Files is told of opens, to fetch the next files ahead; nil for none.
	Files *prefetch.Files
	// Backing returns a file like those of the cache, to find out whether the kernel
	// can read from them by itself: blockcache.Cache.Probe. nil leaves all reads to
	// the daemon.
	Backing func() (*os.File, error)
	// Inodes, if not nil, is told about how many inodes the kernel holds, each time
	// that they have become some thousands more or less. It must not wait.
	Inodes func(n int64)
	// FSName is the mount table's source, e.g. s3://bucket/prefix. Inode numbers
	// are hashes of it and the path, so it must be spelled alike at each mount.
	FSName string

	UID, GID           uint32
	FileMode, DirMode  os.FileMode // permission bits
	AllowOther         bool
	AllowRoot          bool
	DefaultPermissions bool          // always on with AllowOther and AllowRoot
	EntryTTL           time.Duration // the kernel's, for names and attributes; never longer than the catalog's answer is good for
	NegativeTTL        time.Duration // the same for names that do not exist
	DirectIO           bool          // what the daemon reads for a program goes around the page cache; mappings do not
	ReadAheadKB        int           // /sys/class/bdi; 0 leaves the kernel's
	MaxBackground      int           // 512
	KernelOptions      []string      // noatime, noexec, context=..., passed to mount(2)
	DirectMount        bool          // mount(2) without fusermount3: root; without the right to, fusermount3 is tried
	Debug              bool
	Logger             *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.MaxBackground <= 0 {
		c.MaxBackground = 512
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}
