// Package demo shows what a user of zs3fs gets, on one machine and in a minute: a
// bucket of generated files behind the built-in S3 server, which is shaped like a
// real one, a zs3fs mount in a process of its own, and ordinary programs that
// read it. Everything read is compared with its source, and the server's log says
// what was fetched.
//
// It runs commands and never reads the mount itself: a process must not wait for
// a file system whose server it is.
package demo
