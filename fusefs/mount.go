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
	// Open returns the reader of a version: prefetch.Crew.Open.
	Open func(s3backend.Object) *prefetch.Reader
	// Cache capacity for statfs, in bytes; no network is asked.
	FSName string // mount table's source, e.g. s3://bucket/prefix

	UID, GID           uint32
	FileMode, DirMode  os.FileMode // permission bits: 0644, 0755
	AllowOther         bool
	AllowRoot          bool
	DefaultPermissions bool
	EntryTTL           time.Duration // the kernel's, for names and attributes
	NegativeTTL        time.Duration
	ReadAheadKB        int      // /sys/class/bdi; 0 leaves the kernel's
	MaxBackground      int      // 512
	KernelOptions      []string // noatime, noexec, context=..., passed to mount(2)
	DirectMount        bool     // mount(2) without fusermount3: root
	Debug              bool
	Logger             *slog.Logger
}

// Mount is a mounted tree.
type Mount struct{}

// New mounts the tree on dir, which must be an absolute path, and returns when
// the kernel has answered. It never touches dir beforehand.
func New(dir string, cfg Config) (*Mount, error) { panic("not built yet") }

// Wait returns when the mount has ended, by Unmount or from outside.
func (m *Mount) Wait() { panic("not built yet") }

// Unmount unmounts; it is EBUSY when files are open.
func (m *Mount) Unmount() error { panic("not built yet") }

// Detach takes the mount out of the tree at once (MNT_DETACH): open files go on
// until they are closed.
func (m *Mount) Detach() error { panic("not built yet") }

// Abort ends the connection: open files get an error, no request hangs.
func (m *Mount) Abort() error { panic("not built yet") }
