// Package s3test is S3 for tests and for the demo: a bucket in memory ([Mem]), an
// HTTP server on it ([Server]) that is right where other test servers are not
// (If-Match, atomic versions, listings, checksums), shaped like a real bucket
// when asked (time to the first byte, rate of a connection), with a script of
// faults and a log of requests. [Coded] makes contents in which every wrong,
// shifted, stale or zero byte names itself.
//
// The contract's conformance suite is in package conformance below; this package
// does not import testing, so that a program can embed it.
package s3test
