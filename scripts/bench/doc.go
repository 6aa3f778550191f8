// Command bench mounts a generated bucket from a shaped server in this process
// (time to the first byte, rate of a connection) with the zs3fs binary, reads
// it from processes of their own, and prints a table: throughput, requests, bytes
// fetched per byte read, peak memory and CPU time of the daemon. The first row,
// bare, is what parallel GETs without any file system reach in the same run;
// the others are given as a ratio to it, because machines differ and are noisy.
//
//	go run ./scripts/bench -bin bin/zs3fs seq warm random
package main
