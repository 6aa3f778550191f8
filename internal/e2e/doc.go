// Package e2e holds no code, only tests that run the real zs3fs binary as users
// do: mounted on a directory, in front of an S3 server with a script of faults,
// read by other processes.
//
// The S3 server lives in the test process and the FUSE server never does. A
// read(2), open(2) or stat(2) of the mount from the test process is safe: a
// thread blocked in a system call does not hold up Go's scheduler, so the server
// goes on answering. Two things are not, because they block a thread where Go
// cannot see it and the next stop-the-world would wait for a page that only the
// stopped S3 server can deliver: touching a mapped page of a mounted file, and
// starting a program from the mount or with its working directory there (fork
// waits for exec). Those, and all readers that must be processes of their own,
// run in a re-execution of the test binary; see reader.
//
// Tests with the build tag zfsvm need a real OpenZFS; scripts/zfs-vm/exec runs them
// in a virtual machine.
//
// ZS3FS_SOAK=n multiplies the rounds of the random tests by n.
package e2e
