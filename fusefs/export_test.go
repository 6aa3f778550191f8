package fusefs

import (
	"context"
	"log/slog"
	"syscall"

	"github.com/zs3fs/zs3fs/s3backend"
)

// What the tests look at directly: the pure parts.
var (
	ErrnoOf      = errnoOf
	InoOf        = inoOf
	GenerationOf = generationOf
	KernelTTL    = kernelTTL
)

// MountData is what mount(2) is given for kernel options.
func MountData(options ...string) string {
	_, data := Config{KernelOptions: options}.mountArgs()
	return data
}

// ForgetTwice retires two inodes of a version, has the first forgotten twice and then
// the other, and returns how many versions with retired inodes are known each time.
func ForgetTwice(o s3backend.Object) (known []int) {
	t := newTree(Config{})
	t.stale = &invalidator{closed: true} // no kernel to tell
	first, second := newFile(t.root, "f", o), newFile(t.root, "f", o)
	first.retire()
	second.retire()
	for _, f := range []*file{first, first, second} {
		f.OnForget()
		known = append(known, len(t.renewals.versions))
	}
	return known
}

// ForgetAndMeet plays FORGETs ("f") and lookups that meet an inode ("l") on a file and a
// directory that were looked up, and returns how many inodes are counted after each.
func ForgetAndMeet(events string) (counted []int64) {
	t := newTree(Config{})
	f, d := newFile(t.root, "f", s3backend.Object{Key: "f"}), &dir{t: t, path: "d"}
	t.inodes.add(2)
	for _, e := range events {
		if e == 'f' {
			f.OnForget()
			d.OnForget()
		} else {
			f.known()
			d.known()
		}
		counted = append(counted, t.inodes.n.Load())
	}
	return counted
}

// ForgetRoot returns how many inodes are counted when a mount ends that nobody has looked at.
func ForgetRoot() int64 {
	t := newTree(Config{})
	t.root.OnForget()
	return t.inodes.n.Load()
}

// Answer is what a request gets that failed with err, and logs.
func Answer(log *slog.Logger, err error) syscall.Errno {
	return newTree(Config{Logger: log}).errno(context.Background(), "read", "a\nb", err)
}
