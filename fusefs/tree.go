package fusefs

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"golang.org/x/time/rate"

	"github.com/zs3fs/zs3fs/s3backend"
)

// tree is what all nodes of a mount share.
type tree struct {
	cfg     Config
	root    *dir
	mounted time.Time // the mtime of directories without a marker
	stale   *invalidator
	reopens reopens
	counts  counts
	inodes  inodes
	orders  inodeOrders

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
	return t
}

// dir is a directory, the root included.
type dir struct {
	fs.Inode
	t    *tree
	path string // relative to the mount's prefix; "" is the root
	// lookups counts the names looked up one by one.
	lookups atomic.Int64

	// unfollowed are the latest opens that did not follow the listing's order, less
	// half of them for each that did.
	unfollowed atomic.Int32
	renewed    atomic.Pointer[time.Time] // when a listing was last asked for ahead of its time

	mu     sync.Mutex // guards the following
	mtime  time.Time  // zero until a marker or a change says otherwise
	sum    uint64     // of the latest listing seen
	listed bool
}

// file is one version of an object. When the object changes, the next lookup
// makes another file; handles of this one stay with it.
type file struct {
	fs.Inode
	t      *tree
	parent *dir
	name   string
	// obj is always the same bytes; a later look at it may know more, such as
	// its version id, or that it was put again unchanged.
	obj     atomic.Pointer[s3backend.Object]
	version uint64 // generationOf obj; the inode's own generation may be a later one
	course  course
	// retired: another inode is to take the name.
	retired atomic.Bool
	// gone: a read has found that the bucket has another version, and no lookup
	// has found this one since.
	gone atomic.Bool
}

func (d *dir) join(name string) string {
	if d.path == "" {
		return name
	}
	return d.path + "/" + name
}

func (f *file) path() string { return f.parent.join(f.name) }

// refresh takes a later look at the same bytes. A listing knows no content type, and
// no version id but where it is one of versions, so that it does not replace what HEAD said of the same put.
func (f *file) refresh(o s3backend.Object) {
	f.gone.Store(false)
	old := f.obj.Load()
	if old != nil && (o.VersionID == "" || o.VersionID == old.VersionID) && o.ContentType == "" && o.ModTime.Equal(old.ModTime) &&
		o.StorageClass == old.StorageClass {
		return
	}
	f.obj.Store(&o)
}

func parentPath(path string) string {
	return path[:max(strings.LastIndexByte(path, '/'), 0)]
}
