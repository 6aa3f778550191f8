package catalog

import (
	"context"
	"errors"
	"hash/maphash"
	"io/fs"
	"log/slog"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/catalog/ledger"
)

// forEver is the remaining life of what never expires.
const forEver = time.Duration(math.MaxInt64)

// Config of a Catalog.
type Config struct {
	Bucket s3backend.Bucket
	Prefix string // empty, or ending in "/"
	// TTL of attributes and listings; negative is for ever, 0 is none.
	TTL         time.Duration
	NegativeTTL time.Duration
	// RevalidateOnOpen is for the reader of the catalog, who asks Revalidate at
	// each open then; otherwise versions are taken as no older than TTL.
	RevalidateOnOpen bool
	// OfflineOK lets what has expired be answered while S3 cannot be reached
	// (s3backend.ErrUnreachable), however old it is.
	OfflineOK bool
	// ListAhead lets directories be listed ahead of programs that walk through them,
	// where the bucket is an s3backend.Pager, and lookups ask what lies in a directory
	// while they ask for it, where it is an s3backend.Peeker.
	ListAhead         bool
	HideFolderMarkers bool // rule 18
	Escape            bool // rule 8, instead of 6
	// Unordered: the bucket is known to list its keys without order, so that none of
	// its listings is shown before it is whole. Otherwise that is found out.
	Unordered bool
	NameMax   int   // rule 9: 1024 or less; 0 means 1024
	Memory    int64 // bytes for all that is kept; 0 means 64 MiB
	// Ledger keeps answers on disk; nil is none. It is closed after the catalog.
	Ledger *ledger.Ledger
	Logger *slog.Logger
}

// Catalog answers questions about names. Safe for concurrent use; concurrent
// questions for the same thing share one request, which runs to its end under the
// catalog's own context when the callers have gone: what it learns is kept.
type Catalog struct {
	cfg    Config
	seed   maphash.Seed
	store  *store
	hidden hiddenLog

	nodes   flights[Node]
	recalls flights[*held]
	growths growths
	walks   walks
	peeks   peeks
	strays  strays
	counts  counts
	// unordered: the bucket was seen to list without order.
	unordered atomic.Bool
	// spanless: it was seen not to list as Pager promises.
	spanless atomic.Bool

	// epoch counts Forgets: an answer that was asked for before the latest one
	// may be about the version that is gone, and is not kept.
	epoch atomic.Uint64
	// forgotten are the moments of the latest Forgets, for who still reads older listings.
	forgotten marks
	// keeping makes one step of comparing an answer with what is kept and keeping
	// it; the store is memory, so that nobody waits for a request.
	keeping sync.Mutex

	ctx    context.Context
	cancel context.CancelFunc
	mu     sync.Mutex // guards closed, and adding to running
	closed bool
	// running counts all that may touch the store.
	running sync.WaitGroup
	closing sync.Once
}

// New returns a catalog; nothing is asked yet.
func New(cfg Config) (*Catalog, error) {
	if cfg.Bucket == nil {
		return nil, errors.New("catalog: no bucket")
	}
	if cfg.Prefix != "" && !strings.HasSuffix(cfg.Prefix, "/") {
		return nil, errors.New("catalog: the prefix does not end in /")
	}
	if cfg.NameMax <= 0 || cfg.NameMax > maxKey {
		cfg.NameMax = maxKey
	}
	if cfg.Memory <= 0 {
		cfg.Memory = 64 << 20
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	st, err := newStore(cfg.Memory, cfg.Ledger)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &Catalog{cfg: cfg, seed: maphash.MakeSeed(), store: st, ctx: ctx, cancel: cancel}
	c.hidden.logger = cfg.Logger
	c.unordered.Store(cfg.Unordered)
	if _, ok := cfg.Bucket.(s3backend.Pager); !ok {
		c.spanless.Store(true)
	}
	return c, nil
}

// Node is a name: a file of one version, or a directory.
type Node struct {
	Name    string // last component
	Dir     bool
	Object  s3backend.Object // of a file; of a directory its marker, if known
	ModTime time.Time        // zero for a directory without a known marker
	// Fresh is how much longer the answer may be believed, counted from the
	// moment it was given.
	Fresh time.Duration
}

// AbsentError says that a path has no node. It is an fs.ErrNotExist.
type AbsentError struct {
	Path string
	// Fresh is how much longer that may be believed.
	Fresh time.Duration
}

func (e *AbsentError) Error() string { return fs.ErrNotExist.Error() }

// Unwrap returns fs.ErrNotExist.
func (e *AbsentError) Unwrap() error { return fs.ErrNotExist }

// NameMax returns the longest name in bytes.
func (c *Catalog) NameMax() int { return c.cfg.NameMax }

// RevalidateOnOpen reports whether every open must ask Revalidate.
func (c *Catalog) RevalidateOnOpen() bool { return c.cfg.RevalidateOnOpen }

// begin enters a question; end leaves it. After Close there are none.
func (c *Catalog) begin() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return context.Canceled
	}
	c.running.Add(1)
	return nil
}

func (c *Catalog) end() { c.running.Done() }

// Forget drops what is kept about path and its parent's listing: its version has
// turned out to be gone.
func (c *Catalog) Forget(path string) {
	if c.begin() != nil {
		return
	}
	defer c.end()
	c.keeping.Lock()
	defer c.keeping.Unlock()
	c.forgetLocked(path)
}

// forgetLocked is Forget; c.keeping is held, lest an answer be kept that was compared
// with the epoch before.
func (c *Catalog) forgetLocked(path string) {
	dir, _ := split(path)
	c.forgotten.add(path, time.Now(), c.cfg.TTL)
	// Its own listing is of a time when it was a directory: that is older still.
	c.store.drop(nodeKey(path), listingKey(path), listingKey(dir))
	// Its names are asked for one by one until it is listed: who goes through a listing
	// that was dropped goes on with it.
	c.strays.peeked(dir, false, 0)
	// Last: who begins to read the Ledger in the new epoch must not find it there.
	c.epoch.Add(1)
}

// Close cancels the catalog's requests and waits for them, and whoever calls it as well
// waits, too. Questions under way and later ones end in context.Canceled.
func (c *Catalog) Close() error {
	c.closing.Do(func() {
		c.mu.Lock()
		c.closed = true
		c.mu.Unlock()
		c.cancel()
		c.running.Wait()
		c.store.close()
	})
	return nil
}
