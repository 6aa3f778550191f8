package s3backend

import "runtime"

// growStack makes the goroutine's stack 64 KiB large, if it is not. A fetch runs in
// a goroutine of its own, and the SDK calls some 60 middlewares one inside the
// other: the stack would grow to that from 2 KiB by copying, five times, ever
// deeper, for 75 of the 250 us of processor time that a small GET took.
//
//go:noinline
func growStack() {
	var room [40 << 10]byte
	runtime.KeepAlive(&room)
}
