package model

import (
	"errors"
	"time"
)

// ErrStale is the error of a read whose version is gone.
var ErrStale = errors.New("model: the version is gone")

// ErrNotDir is the error of a lookup below what is known to be a file.
var ErrNotDir = errors.New("model: not a directory")

// Bucket is changed behind the subject's back.
type Bucket interface {
	// Put makes the coded bytes of a version the object of key, and returns its ETag.
	Put(key string, version uint32, size int64) (etag string)
	Delete(key string)
	// Reachable lets it be reached, or not.
	Reachable(bool)
}

// Subject is what is judged. What it does not find is an fs.ErrNotExist, and every
// error but those of this package says that S3 could not be reached.
type Subject interface {
	// Lookup returns what path is, and how much longer that may be believed, if it
	// says so. An object without an ETag is any of that size, one of size -1 any.
	Lookup(path string) (Node, time.Duration, error)
	// Opendir begins to read a directory.
	Opendir(path string) (Directory, error)
	// Open returns an open file; direct asks for its version now.
	Open(path string, direct bool) (Handle, error)
	Refresh(path string) error
	// Remount ends it, open files too, and begins anew on the same cache.
	Remount() error
}

// Directory is an open directory.
type Directory interface {
	// Read returns its names from the n-th on, at most so many; hidden is nil where it
	// does not tell what it hides, or these are not all.
	Read(n, most int) (names []Name, hidden *Hidden, fresh time.Duration, err error)
	Close()
}

// Handle is an open file, of one version.
type Handle interface {
	Object() Object
	// Read returns what lies in the len(p) bytes at off.
	Read(p []byte, off int64) (n int, err error)
	Close()
}
