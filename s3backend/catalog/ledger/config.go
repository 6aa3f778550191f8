package ledger

import (
	"log/slog"
)

// Config of a Ledger.
type Config struct {
	Dir Dir
	// View names all that answers depend on beside the key. Answers of other views
	// stay in the ledger, and are not found.
	View string
	// Limit is the most bytes on disk, while the log is written anew as well; 1 GiB
	// at most.
	Limit  int64
	Logger *slog.Logger
}
