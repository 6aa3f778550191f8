// Package asof shows a bucket that keeps versions as it was at a moment: of each
// key the latest version not after it, and no key whose latest entry then was a
// delete marker.
//
// What it shows never changes, but for versions that are deleted for good: they
// are missing, and what was put before them shows in their place. Times are
// LastModified, whole seconds of the server's clock. It keeps nothing itself:
// package catalog does.
package asof
