package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// lockFile waits for the lock of a file, which is made when it is not there; without
// a name there is nothing to wait for.
func lockFile(name string) (unlock func(), err error) {
	if name == "" {
		return func() {}, nil
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil // which unlocks
}
