package fusefs

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"golang.org/x/time/rate"
)

// tree is what all nodes of a mount share.
type tree struct {
	cfg     Config
	root    *dir
	at      place
	mounted time.Time // the mtime of directories without a marker
	stale   *invalidator
	reopens reopens
	counts  counts
	inodes  inodes
	orders  inodeOrders
	wants   wants

	passthrough passthrough
	renewals    renewals

	// A program that walks a bucket meets the same trouble a million times.
	archivedLog, failedLog rate.Sometimes
}

func newTree(cfg Config) *tree {
	t := &tree{
		cfg:         cfg,
		mounted:     time.Now(),
		inodes:      inodes{tell: cfg.Inodes},
		archivedLog: rate.Sometimes{First: 10, Interval: time.Second},
		failedLog:   rate.Sometimes{First: 10, Interval: time.Second},
	}
	t.root = &dir{t: t}
	t.root.forgotten.Store(true) // at the end, though it was never counted
	return t
}

// dir is a directory, the root included.
type dir struct {
	fs.Inode
	t    *tree
	path string // relative to the mount's prefix; "" is the root
	// lookups counts the names looked up one by one.
	lookups atomic.Int64
	plain   atomic.Bool // its files came without attributes when it was read last
	// forgotten: by the kernel, and by no lookup met since.
	forgotten atomic.Bool

	// unfollowed are the latest opens that did not follow the listing's order, less
	// half of them for each that did.
	unfollowed atomic.Int32
	renewed    atomic.Pointer[time.Time] // when a listing was last asked for ahead of its time
	more       atomic.Pointer[more]      // of the latest file

	mu     sync.Mutex // guards the following
	mtime  time.Time  // zero until a marker or a change says otherwise
	sum    uint64     // of the latest listing seen
	listed bool
}

func (d *dir) join(name string) string {
	if d.path == "" {
		return name
	}
	return d.path + "/" + name
}

func parentPath(path string) string {
	return path[:max(strings.LastIndexByte(path, '/'), 0)]
}
