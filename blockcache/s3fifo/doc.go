// Package s3fifo is an eviction order: S3-FIFO (Yang et al., "FIFO queues are all
// you need for cache eviction", SOSP 2023), which one pass over more than the
// cache holds does not empty, as it does an LRU.
//
// What comes goes through a small queue, a tenth of the cache; only what is used
// again meanwhile moves to the main queue, and what goes unused is remembered for
// one capacity more (the ghost): when it comes back, it is main at once.
//
// It is a pure value: no I/O, no clock, no goroutine, no lock. It decides, and
// package blockcache, its only user, does.
package s3fifo
