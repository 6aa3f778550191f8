package blockcache

import "fmt"

// LockedError says that another process uses the cache directory.
type LockedError struct {
	Dir   string // of this mount, below Config.Dir
	PID   int    // of the other; 0 when its lock file does not tell
	Owner string // the other's Config.Owner
}

func (e *LockedError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("cache directory %s is in use by another process; end that one, or choose another cache directory", e.Dir)
	}
	return fmt.Sprintf("cache directory %s is in use by process %d, which has mounted %s; "+
		"unmount that one, or choose another cache directory", e.Dir, e.PID, e.Owner)
}

// UnsafeError says that somebody else could read or change the cache.
type UnsafeError struct {
	Path   string
	Reason string
}

func (e *UnsafeError) Error() string {
	return fmt.Sprintf("cache directory %s %s; choose a directory of your own with mode 0700", e.Path, e.Reason)
}

// PinError says that a version cannot be pinned, because what is pinned would not
// fit into the budget; all in bytes.
type PinError struct {
	Size   int64 // of the version
	Pinned int64 // by others, all their blocks counted
	Budget int64
}

func (e *PinError) Error() string {
	return fmt.Sprintf("cannot pin %d bytes: %d of the cache's %d are pinned already; unpin something, or raise the cache's size",
		e.Size, e.Pinned, e.Budget)
}

// FormatError says that a newer version of the program made the cache, which is
// therefore left alone.
type FormatError struct {
	Dir     string
	Version int
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("cache directory %s has format %d, this program knows formats up to %d; "+
		"use the newer program, remove the directory, or choose another", e.Dir, e.Version, formatVersion)
}
