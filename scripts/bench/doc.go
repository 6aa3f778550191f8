// Command bench mounts a generated bucket with zs3fs and with every other S3 mount
// that it finds, reads it in many ways from processes of their own, and prints what
// each reached: speed or time of an operation, requests by kind, bytes fetched per byte read,
// CPU time and peak memory of the daemon. The server is a process of its own, shaped
// like a network (time to the first byte, rate of a connection), and has the kernel
// send the bodies, so that it takes little of the processors that all share.
//
// The tools take turns within each pattern, and medians are printed with the worst and
// the best run. So do the patterns of which a figure is a share of one stream, round by
// round: the machine's speed changes within minutes. Two rows are no file systems: bare fetches the same bytes by
// parallel GETs with Go's net/http (32 connections, 8 MiB a request; one by one
// where the pattern is about the time of an operation) and throws them away,
// bare+write writes them to the file system of the caches. The row memory is a mount whose
// bytes come from memory, FUSE itself; from it and bare+write follows what the processors allow. Machines differ and are noisy: shares of these say
// more than MB/s. At the end the ten figures that the program is to reach are worked out.
//
//	go run ./scripts/bench -patterns seq -tools zs3fs,bare,bare+write -rounds 3
//
// The last patterns read nothing: ls, find and stat are run on a bucket of generated
// names, beside the pages of a LIST without delimiter asked for one after another
// (their bare row). What they are to reach is worked out too.
//
//	go run ./scripts/bench -patterns list-tree,million-flat-find
//
// A million names are measured where their patterns are named, or with -million.
//
// On a machine that others use, -fill=false leaves their page cache alone. This writes the
// sections of RESULTS.md anew of which something was measured, reads and names, and the
// charts beside it:
//
//	make bench BENCH_FLAGS="-results scripts/bench/RESULTS.md"
package main
