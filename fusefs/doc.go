// Package fusefs is the tree: names, inodes, attributes, handles and errno, on
// go-fuse's fs package. It promises docs/semantics.md.
//
// A FUSE inode is a path and a version: when the object changes, the next lookup
// returns another inode (same st_ino, other generation), and old handles stay on
// the old one, so that the kernel's page cache never mixes versions. Reads are
// answered in full or with an errno, never short.
//
// A handler holds no lock while it asks a layer below, and a panic in one is a
// logged EIO: a crash would be ENOTCONN for every open file of the mount. Signals
// that a program handles and goes on disturb no request of its. What the mount would
// have to ask itself (device number, read-ahead) is read from the mount table: a
// daemon that touches its own mount can hang.
//
// Opens are told to [prefetch.Files] by their places in the catalog's listing, and
// where they do not follow the order of the names, in that of the inode numbers.
//
// It takes names and attributes from s3backend/catalog and bytes from package
// prefetch; it is the one place where errors become errno.
package fusefs
