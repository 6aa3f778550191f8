package control

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// suffix of sockets that somebody listens on, or did.
	suffix = ".sock"
	// lockPatience bounds the wait for another daemon that tidies the directory.
	lockPatience = 2 * time.Second
	lockEvery    = 10 * time.Millisecond
)

// DefaultDir is where the sockets of this user's mounts are: /run/zs3fs for root,
// else $XDG_RUNTIME_DIR/zs3fs; empty where there is none.
func DefaultDir() string {
	if os.Geteuid() == 0 {
		return "/run/zs3fs"
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "zs3fs")
	}
	return ""
}

// Name is the socket's name for a mount point.
func Name(mountpoint string) string {
	sum := sha256.Sum256([]byte(mountpoint))
	return hex.EncodeToString(sum[:8]) + suffix
}

// openDir opens the directory, and makes it where asked to. One that is a link, or
// open to others, is refused: whoever can write to it could answer in our place.
func openDir(path string, make bool) (int, error) {
	if path == "" {
		return -1, errors.New("there is no directory for control sockets: set XDG_RUNTIME_DIR, or say --runtime-dir")
	}
	if make {
		if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
			return -1, err
		}
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: path, Err: err}
	}
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err == nil && (int(st.Uid) != os.Geteuid() && os.Geteuid() != 0 || st.Mode&0o077 != 0) {
		err = fmt.Errorf("it belongs to user %d and has mode %04o: it must be yours and 0700", st.Uid, st.Mode&0o7777)
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("%s: %w", path, err)
	}
	return fd, nil
}

// pathIn is a path that fits a socket's address, which holds 107 bytes, however
// long the directory's own is; and it leads to that very directory.
func pathIn(dir int, name string) string { return fmt.Sprintf("/proc/self/fd/%d/%s", dir, name) }

// lock makes one daemon at a time change the directory; closing dir gives it up.
func lock(dir int) error {
	for deadline := time.Now().Add(lockPatience); ; time.Sleep(lockEvery) {
		err := unix.Flock(dir, unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) || time.Now().After(deadline) {
			return err
		}
	}
}
