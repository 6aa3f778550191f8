package s3backend

import (
	"errors"
	"io/fs"
	"net/http"
)

// versionHeader names the version that an answer is of, where the bucket keeps
// versions.
const versionHeader = "X-Amz-Version-Id"

// VersionedBody is what a body returned by [Bucket.Open] may be beside its io
// methods: the answer to a GET names the version id, which a listing does not
// carry, and by it the version stays readable after it was replaced.
type VersionedBody interface {
	// VersionID is that of the first answer, known from the time that Open returned
	// the body on; empty where the bucket keeps no versions. May be called
	// concurrently with the body's other methods.
	VersionID() string
}

// VersionID implements VersionedBody.
func (b *body) VersionID() string { return b.version }

// byVersion asks for the version id, if there is one, and without it where that
// is refused or the version is gone: If-Match keeps the bytes just as well, while
// the current version has them. Without an ETag nothing else would.
func (c *Client) byVersion(obj Object, ask func(id *string) error) error {
	if obj.VersionID == "" || obj.ETag != "" && c.unversioned.Load() {
		return ask(nil)
	}
	err := ask(&obj.VersionID)
	// One that is gone was deleted for good, as by a rule for old versions. The same bytes
	// may have been put again.
	denied := isAccessDenied(err)
	if obj.ETag == "" || !denied && !isGone(err) {
		return err
	}
	c.requests.owe()
	if err = ask(nil); err == nil && denied {
		c.unversioned.Store(true)
	}
	return err
}

func isAccessDenied(err error) bool {
	return statusOf(err) == http.StatusForbidden && errors.Is(judge("open", err).err, fs.ErrPermission)
}

func isGone(err error) bool {
	return statusOf(err) == http.StatusNotFound && errors.Is(judge("open", err).err, ErrChanged)
}
