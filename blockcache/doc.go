// Package blockcache keeps versions of objects on disk, in blocks.
//
// It promises that a block handed out is the block stored, that the byte budget
// is never exceeded, that any damage below its directory is a miss and nothing
// worse, and that a failing, full or slow disk neither fails nor slows a read.
//
// A block is absent, in flight (one GET fills a run of blocks; readers wait for
// a buffer's fill mark, not for the block, the request or the disk), in memory,
// or on disk, in that order; see [Version.Read], [Version.Claim] and [Flight].
//
// A version whose last block has arrived and has been verified is compared with
// the checksum that the source keeps of the whole, and then sealed: from then on,
// and after a restart, the kernel may read its data file without us; see
// [Version.Passthrough].
//
// What has to go when the budget is full is decided by package s3fifo, over
// versions and over segments of large ones: a version counts as used when it is
// opened, a segment when a handle first comes to it. Pinned versions, and those
// that the kernel reads, stay. The order is saved, and survives a restart.
//
// Off ZFS, a disk can lose what the kernel has taken for it. The file system is asked
// for that; once it has happened, blocks are compared whenever they are read, until it
// is mounted anew.
//
// It lends a [Room] beside the blocks to whoever has more to keep for the next mount.
//
// It never decides what to fetch: package prefetch, its neighbour on the left,
// does. It never speaks HTTP: missing bytes come from a [Source], which
// package s3backend, on the right, implements.
package blockcache
