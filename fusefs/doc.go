// Package fusefs is the tree: names, inodes, attributes, handles and errno, on
// go-fuse's fs package. It promises docs/semantics.md.
//
// A FUSE inode is a path and a version: when the object changes, the next lookup
// returns another inode (same st_ino, other generation), and old handles stay on
// the old one, so that the kernel's page cache never mixes versions. Reads are
// answered in full or with an errno, never short.
//
// It takes names and attributes from s3backend/catalog and bytes from package
// prefetch; it is the one place where errors become errno.
package fusefs
