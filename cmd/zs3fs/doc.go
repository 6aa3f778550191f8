// Zs3fs shows an S3 bucket as a tree of read-only files.
//
// The program is a shell around the read path: it decodes one Options from
// flags, -o options and the environment, builds the chain of packages from right
// to left (chain.go), mounts it, waits, and takes it down in reverse. Called
// under the name mount.zs3fs or mount.fuse.zs3fs it is mount(8)'s helper.
//
// Every way to fail has a code of its own (exit.go, docs/exit-codes.md) and one
// line on standard error. No secret is ever an argument: options travel to the
// daemon over a socket.
package main
