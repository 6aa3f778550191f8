package blockcache

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/minio/crc64nvme"
	"golang.org/x/sys/unix"
)

// home is a mount's directory below the cache directory, locked by us.
type home struct {
	path string
	fd   int
	lock int
}

// openHome makes and checks both directories and takes the lock.
func openHome(cfg Config) (*home, error) {
	root, err := openRoot(cfg.Dir)
	if err != nil {
		return nil, err
	}
	defer unix.Close(root)
	name := homeName(cfg.Namespace)
	h := &home{path: filepath.Join(cfg.Dir, name), lock: -1}
	if h.fd, err = openPrivate(root, name, h.path); err != nil {
		return nil, err
	}
	if err = h.takeLock(cfg.Owner); err == nil {
		err = h.checkFormat(cfg.BlockSize)
	}
	if err != nil {
		h.close()
		return nil, err
	}
	return h, nil
}

func (h *home) close() {
	if h.lock >= 0 {
		unix.Close(h.lock)
	}
	unix.Close(h.fd)
}

// homeName is readable (the bucket) and unique (a hash of the namespace).
func homeName(ns Namespace) string {
	bucket := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '-', r == '_':
			return r
		}
		return '-'
	}, ns.Bucket)
	if len(bucket) > 63 {
		bucket = bucket[:63]
	}
	id := hashFields("zs3fs mount 1", ns.Endpoint, ns.Bucket, ns.Prefix, ns.KeyID)
	return bucket + "-" + id.String()[:16]
}

// openRoot opens the cache directory, and makes it where missing. Nobody else
// may be able to put another in its place or to write into it; a directory that
// others may read is good enough, because what lies in it is closed to them.
func openRoot(path string) (int, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return -1, err
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return -1, err
	}
	var st unix.Stat_t
	if err := unix.Stat(filepath.Dir(path), &st); err != nil {
		return -1, &os.PathError{Op: "stat", Path: filepath.Dir(path), Err: err}
	}
	if othersCanWrite(&st) {
		return -1, &UnsafeError{path, "lies in a directory that others can write to"}
	}
	fd, err := openDir(unix.AT_FDCWD, path)
	switch {
	case errors.Is(err, unix.ELOOP), errors.Is(err, unix.ENOTDIR):
		return -1, &UnsafeError{path, "is a symbolic link"}
	case err != nil:
		return -1, &os.PathError{Op: "open", Path: path, Err: err}
	}
	if err := checkRoot(fd, path); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func checkRoot(fd int, path string) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return &os.PathError{Op: "stat", Path: path, Err: err}
	}
	if int(st.Uid) != os.Geteuid() {
		return &UnsafeError{path, fmt.Sprintf("belongs to user %d", st.Uid)}
	}
	if st.Mode&0o077 == 0 {
		return nil
	}
	used := errors.New("used")
	if eachName(fd, func(string) error { return used }) == nil {
		return unix.Fchmod(fd, 0o700) // empty and ours: make it private
	}
	if othersCanWrite(&st) {
		return &UnsafeError{path, "can be written to by others"}
	}
	return nil
}

// othersCanWrite reports whether other users can rename what is in a directory.
// Writing by our own group is left to who made it so: many systems give every
// user a group of his own.
func othersCanWrite(st *unix.Stat_t) bool {
	if st.Mode&unix.S_ISVTX != 0 {
		return false
	}
	return st.Mode&0o002 != 0 || st.Mode&0o020 != 0 && int(st.Gid) != os.Getegid()
}

// openPrivate opens or makes a directory that must be ours and closed to others.
func openPrivate(parent int, name, path string) (int, error) {
	err := unix.Mkdirat(parent, name, 0o700)
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return -1, &os.PathError{Op: "mkdir", Path: path, Err: err}
	}
	fd, err := openDir(parent, name)
	switch {
	case errors.Is(err, unix.ELOOP), errors.Is(err, unix.ENOTDIR):
		return -1, &UnsafeError{path, "is not a directory"}
	case err != nil:
		return -1, &os.PathError{Op: "open", Path: path, Err: err}
	}
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err != nil {
		err = &os.PathError{Op: "stat", Path: path, Err: err}
	} else if int(st.Uid) != os.Geteuid() {
		err = &UnsafeError{path, fmt.Sprintf("belongs to user %d", st.Uid)}
	} else if st.Mode&0o077 != 0 {
		err = &UnsafeError{path, fmt.Sprintf("is open to others (mode %04o)", st.Mode&0o7777)}
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// format is the content of format.json. What an unknown or other format left
// behind needs no care here: each map says what it is, and the sweep removes
// those that are not ours.
type format struct {
	Version   int   `json:"version"`
	BlockSize int64 `json:"block_size"`
	// Check proves the version, in all formats to come, too: a flipped bit must
	// not look like a newer format, which is refused.
	Check string `json:"check"`
}

func newFormat(version int, blockSize int64) format {
	check := crc64nvme.Checksum(fmt.Appendf(nil, "zs3fs format %d", version))
	return format{version, blockSize, fmt.Sprintf("%016x", check)}
}

const formatName, formatTemp = "format.json", "format.json.new"

// checkFormat refuses a newer format and else leaves ours.
func (h *home) checkFormat(blockSize int64) error {
	want := newFormat(formatVersion, blockSize)
	if raw, err := readSmall(h.fd, formatName); err == nil {
		var got format
		if json.Unmarshal(raw, &got) == nil {
			sound := got.Check == newFormat(got.Version, 0).Check
			if sound && got.Version > formatVersion {
				return &FormatError{h.path, got.Version}
			}
			if got == want {
				return nil
			}
		}
	}
	raw, err := json.Marshal(want)
	if err != nil {
		return err
	}
	return h.replaceFile(formatName, formatTemp, append(raw, '\n'))
}

// replaceFile writes name whole or not at all. A read-only cache is left as it
// is: it can still be read.
func (h *home) replaceFile(name, temp string, raw []byte) error {
	err := removeName(h.fd, temp)
	if err == nil {
		var fd int
		if fd, err = createFile(h.fd, temp, 0); err == nil {
			sys := realSyscalls()
			err = sys.writeFull(fd, raw, 0)
			unix.Close(fd)
		}
	}
	if err == nil {
		err = removeDirectory(h.fd, name)
	}
	if err == nil {
		err = unix.Renameat(h.fd, temp, h.fd, name)
	}
	if err == nil || errors.Is(err, unix.EROFS) || errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return nil
	}
	return &os.PathError{Op: "write", Path: filepath.Join(h.path, name), Err: err}
}

// removeDirectory removes name if it is a directory, which no rename replaces.
func removeDirectory(parent int, name string) error {
	fd, err := openDir(parent, name)
	if err != nil {
		return nil
	}
	unix.Close(fd)
	return removeName(parent, name)
}

// readSmall reads at most 4 KiB of a plain file.
func readSmall(parent int, name string) ([]byte, error) {
	fd, _, _, err := openFile(parent, name)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	buf := make([]byte, 4096)
	n, err := retryInt(func() (int, error) { return unix.Pread(fd, buf, 0) })
	return buf[:max(n, 0)], err
}
