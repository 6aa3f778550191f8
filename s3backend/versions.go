package s3backend

import (
	"context"
	"io/fs"
)

// VersionLister is a Bucket that can say which versions its keys had: optional,
// as it has a sense only where the bucket keeps versions.
type VersionLister interface {
	Bucket

	// Versioning reports whether the bucket keeps versions, or did at some time.
	Versioning(ctx context.Context) (bool, error)

	// Versions returns the versions of the keys that start with prefix, from just
	// after from on, limit at most (1 to 1000): the keys in the order of their
	// bytes, of one key the newest first. A bucket that keeps none yields what is
	// there, with the id "null".
	Versions(ctx context.Context, prefix string, from VersionMark, limit int) (VersionPage, error)

	// HeadVersion is Head of one version. A delete marker is fs.ErrNotExist.
	HeadVersion(ctx context.Context, key, id string) (Object, error)
}

// Version is one version of a key, or a delete marker.
type Version struct {
	// Object with its VersionID; of a delete marker only Key, VersionID and ModTime.
	Object Object
	// Deleted says that this is a delete marker: from its ModTime on the key was
	// not there.
	Deleted bool
}

// VersionMark is a place among the versions: after one version of Key, or after
// all of them when ID is empty. The zero value is the beginning. Key need not
// exist.
type VersionMark struct{ Key, ID string }

// VersionPage is a part of the versions.
type VersionPage struct {
	Versions []Version
	// More says that the versions go on after Next.
	More bool
	Next VersionMark
}

var _ VersionLister = (*Client)(nil)

// HeadVersion implements VersionLister.
func (c *Client) HeadVersion(ctx context.Context, key, id string) (Object, error) {
	if key == "" || id == "" {
		return Object{}, opError("head", key, fs.ErrInvalid)
	}
	return c.headCall(ctx, key, &id)
}
