package prefetch

import (
	"log/slog"

	"github.com/zs3fs/zs3fs/blockcache"
	"github.com/zs3fs/zs3fs/s3backend"
)

// Config of a Crew; sizes in bytes.
type Config struct {
	Cache  *blockcache.Cache
	Source blockcache.Source
	Memory *blockcache.Memory
	// Connections is how many requests run at once, demand and guesses together.
	Connections int
	// RequestSize is the size of a request in steady state: 8 MiB.
	RequestSize int64
	// MaxWindow bounds how far a stream reads ahead; 0 turns reading ahead off.
	MaxWindow int64
	Logger    *slog.Logger
}

// Crew fetches for all open files of a mount.
type Crew struct{}

// New returns a crew without any request running.
func New(cfg Config) *Crew { panic("not built yet") }

// Open returns a reader of one version; it does no I/O.
func (c *Crew) Open(obj s3backend.Object) *Reader { panic("not built yet") }

// Stats returns the counters as of now.
func (c *Crew) Stats() Stats { panic("not built yet") }

// Close cancels every request and waits for their goroutines. Readers get
// context.Canceled.
func (c *Crew) Close() error { panic("not built yet") }

// Stats counts requests, and blocks fetched on a guess.
type Stats struct {
	Demands, Guesses, Cancelled int64
	Running, Queued             int64
}
