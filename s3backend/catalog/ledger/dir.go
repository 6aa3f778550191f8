package ledger

import (
	"os"
)

// Dir is the directory of the ledger's files: its own, closed to others, used by one
// process at a time, and without a way out through links. Errors are the file system's;
// of what is not there, or is no plain file, fs.ErrNotExist.
type Dir interface {
	Open(name string) (*os.File, error)   // to read and write
	Create(name string) (*os.File, error) // anew: what had the name is gone
	Rename(from, to string) error
	Remove(name string) error // nothing there is no error
	Sync() error
	// Room is how many bytes may be written now.
	Room() (int64, error)
}
