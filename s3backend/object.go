package s3backend

import "time"

// Object is one version of one object: an immutable value that is handed down
// the read path. Nobody below the place that looked it up asks for the size
// again, so that two parts of the program can never differ about it.
type Object struct {
	// Key is the object's full key, as raw bytes: not cleaned, not escaped.
	Key string
	// ETag as the server sends it, with its quotes; opaque.
	ETag string
	// VersionID is empty where the bucket keeps no versions or where the
	// version comes from a listing, which does not carry it (one of versions does).
	VersionID string
	// Size is the length in bytes of the stored representation.
	Size int64
	// ModTime is LastModified: whole seconds, UTC.
	ModTime time.Time
	// StorageClass as the server sends it; empty means STANDARD.
	StorageClass string
	// Restored says that an archived object has a temporary readable copy.
	// Known from Head only.
	Restored bool
	// ContentType is known from Head only.
	ContentType string
}

// maxSize is what a size is not believed above: 20 times S3's largest object. A reader's
// offsets would overflow, and what is kept of an object's parts not fit into memory.
const maxSize = 1 << 50

// Archived reports whether the object's bytes cannot be read until it is
// restored.
func (o Object) Archived() bool {
	switch o.StorageClass {
	case "GLACIER", "DEEP_ARCHIVE":
		return !o.Restored
	}
	return false
}

// SameVersion reports whether a and b are the same bytes of the same key as far
// as S3's answers tell: same key, ETag and size, and the same version id where
// both know it.
func (o Object) SameVersion(b Object) bool {
	return o.Key == b.Key && o.ETag == b.ETag && o.Size == b.Size &&
		(o.VersionID == b.VersionID || o.VersionID == "" || b.VersionID == "")
}
