package catalog

import (
	"context"
	"log/slog"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
)

// Config of a Catalog.
type Config struct {
	Bucket s3backend.Bucket
	Prefix string // empty, or ending in "/"
	// TTL of attributes and listings; negative is for ever, 0 is none.
	TTL         time.Duration
	NegativeTTL time.Duration
	// Consistency: false takes versions no older than TTL, true asks at every
	// open.
	RevalidateOnOpen  bool
	HideFolderMarkers bool  // rule 18
	NameMax           int   // rule 9: 1024 or less
	Memory            int64 // bytes for all that is kept
	Logger            *slog.Logger
}

// Catalog answers questions about names. Safe for concurrent use; concurrent
// questions for the same thing share one request.
type Catalog struct{}

// New returns a catalog; nothing is asked yet.
func New(cfg Config) (*Catalog, error) { panic("not built yet") }

// Node is a name: a file of one version, or a directory.
type Node struct {
	Name    string // last component
	Dir     bool
	Object  s3backend.Object // of a file; of a directory its marker, if known
	ModTime time.Time
}

// Lookup returns the node at path (relative to the prefix, "" is the root), or
// fs.ErrNotExist, fs.ErrPermission, ...
func (c *Catalog) Lookup(ctx context.Context, path string) (Node, error) { panic("not built yet") }

// List returns the directory at path as one immutable snapshot.
func (c *Catalog) List(ctx context.Context, path string) (*Listing, error) { panic("not built yet") }

// Revalidate asks the bucket for path's current version, whatever is kept.
func (c *Catalog) Revalidate(ctx context.Context, path string) (Node, error) { panic("not built yet") }

// Forget drops what is kept about path and its parent's listing: its version has
// turned out to be gone.
func (c *Catalog) Forget(path string) { panic("not built yet") }

// Close ends the catalog's goroutines.
func (c *Catalog) Close() error { panic("not built yet") }

// Listing is a directory at one moment, sorted by the bytes of the names.
type Listing struct {
	Nodes  []Node
	Hidden Hidden
}

// Hidden counts the keys that have no name in a directory (rule 7).
type Hidden struct {
	Unrepresentable, Shadowed, MarkerContent, TooLong int
}
