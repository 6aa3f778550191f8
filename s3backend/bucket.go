package s3backend

import (
	"context"
	"io"
	"iter"
)

// Bucket is the contract of the bucket: three questions, none of which changes
// anything. Implementations: [Client], asof.Bucket on top of it, and s3test.Mem for tests; the suite in
// s3test/conformance holds both, and real servers, to the sentences below.
//
// All methods may be called concurrently. Every error is an [*OpError] around
// one of the sentinels of this package or of io/fs, or around the context's
// error; use errors.Is.
type Bucket interface {
	// Head returns the current version of key, with VersionID, ContentType and
	// Restored. A missing key is fs.ErrNotExist, a refused one fs.ErrPermission.
	Head(ctx context.Context, key string) (Object, error)

	// List yields one level below prefix (delimiter "/"): the objects whose keys
	// start with prefix and have no further "/", the key equal to prefix
	// included, and each common prefix once, as an Entry with Dir set. Objects
	// come in the server's order, which is not the order of names: compare
	// semantics rule 12. limit > 0 asks for and ends after at most limit entries;
	// 0 means all. A failure is yielded once, as the last pair, with a zero
	// Entry: a listing that ended without one is whole. A prefix with nothing
	// below yields nothing. No goroutine outlives the loop.
	List(ctx context.Context, prefix string, limit int) iter.Seq2[Entry, error]

	// Open returns the n bytes from off of exactly the version obj; off >= 0,
	// n > 0 and off+n <= obj.Size, anything else is fs.ErrInvalid without a
	// request. The body yields exactly n bytes and then io.EOF, or an error
	// other than io.EOF; bytes already read stay right. When the version is gone
	// the error is ErrChanged (from Open or from Read); one without a VersionID is
	// not gone while the bucket keeps a version with its ETag and size. ctx governs the body too:
	// after its end Read returns its error at once. The caller closes the body;
	// Close may be called at any time and waits for nothing.
	Open(ctx context.Context, obj Object, off, n int64) (io.ReadCloser, error)
}

// Entry is one name of a listing.
type Entry struct {
	// Object of the key; for a common prefix only Object.Key is set, and it ends
	// in "/".
	Object Object
	// Dir says that this is a common prefix and not an object. A key that itself
	// ends in "/" (a marker) and equals the listed prefix is an object.
	Dir bool
}
