// Package catalog turns keys into names: which paths are files, which are
// directories, and what they look like (docs/semantics.md rules 1 to 12), and
// keeps attributes, negative answers and listings for their time to live in
// ristretto. The mapping is pure; the requests go to an s3backend.Bucket.
//
// A listing is read by its readers while it loads, and answers lookups up to where it
// has come. Large directories are split and listed in parts side by side; who walks
// from directory to directory is listed ahead of. What was only guessed is a listing
// like any other, or is not kept.
//
// What has expired is kept while there is room: it is the answer while S3 cannot be
// reached. What is known is also written to a ledger, from which the next mount takes it.
//
// It never reads an object's bytes and never decides which blocks are on disk.
package catalog
