package main

import (
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// lockPatience is how long a lock on a mount point is waited for: what is done under it
// takes milliseconds, but anybody may hold the lock of a directory for his own ends.
const lockPatience = 5 * time.Second

// lockMountPoint keeps an ordinary user's processes apart that mount on dir or detach a
// dead mount there: fusermount3 knows a mount by its directory only, so that a keeper
// which has seen the dead one could detach the next (seen once, at a load of 11). root
// names the mount itself and needs no lock. It is one of the parent directory, as that
// is there whatever is mounted; where it cannot be had, nothing is locked.
func lockMountPoint(dir string) (unlock func()) {
	none := func() {}
	if os.Geteuid() == 0 {
		return none
	}
	fd, err := unix.Open(filepath.Dir(dir), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return none
	}
	unlock = func() { _ = unix.Close(fd) }
	for deadline := time.Now().Add(lockPatience); unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) == unix.EWOULDBLOCK; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			break
		}
	}
	return unlock
}
