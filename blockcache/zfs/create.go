package zfs

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"

	gozfs "github.com/mistifyio/go-zfs/v4"
	"golang.org/x/sys/unix"
)

// Layout is what Create makes.
type Layout struct {
	BlockSize int64 // bytes; the cache's --block-size
	// Size in bytes is the most that the cache is meant to hold; 0 sets no quota.
	Size int64
	// Mountpoint is where to mount it; empty is below the parent's.
	Mountpoint string
	UID, GID   int // who will own the mount point, alone
}

// Create makes a dataset for the cache, private to its owner, and returns its
// mount point. Its parent must exist. ErrExists says that it is there already;
// after any other error of the last steps the dataset stays, not yet private.
func (t *Tools) Create(dataset string, l Layout) (mountpoint string, err error) {
	if err := t.creatable(dataset); err != nil {
		return "", err
	}
	pool, _, _ := strings.Cut(dataset, "/")
	values, err := l.values(pool)
	if err != nil {
		return "", err
	}
	made, err := gozfs.CreateFilesystem(dataset, values)
	if err != nil {
		return "", readable(err)
	}
	table, err := t.mounts()
	if err != nil {
		return "", err
	}
	mountpoint, err = table.Mountpoint(dataset)
	if err != nil {
		return "", fmt.Errorf("%s was made, but is not mounted (its mountpoint is %q): %w", dataset, made.Mountpoint, ErrNotMounted)
	}
	return mountpoint, makePrivate(mountpoint, l.UID, l.GID)
}

// creatable checks what the programs would say in their own words.
func (t *Tools) creatable(dataset string) error {
	if err := checkName(dataset); err != nil {
		return err
	}
	if !strings.Contains(dataset, "/") {
		return fmt.Errorf("%q is a pool: write pool/name", dataset)
	}
	exists, err := t.Exists(dataset)
	if err == nil && exists {
		return fmt.Errorf("%s: %w", dataset, ErrExists)
	}
	if err != nil {
		return err
	}
	parent := path.Dir(dataset)
	if exists, err = t.Exists(parent); err == nil && !exists {
		return fmt.Errorf("%s, which should hold %s: %w", parent, dataset, ErrNoDataset)
	}
	return err
}

// values are the properties to set, where this OpenZFS has them.
func (l Layout) values(pool string) (map[string]string, error) {
	values := map[string]string{}
	for _, p := range properties(l.BlockSize) {
		if p.keep {
			continue
		}
		if p.since != "" {
			if _, ok, err := get(pool, p.name); err != nil {
				return nil, err
			} else if !ok {
				continue
			}
		}
		values[p.name] = p.want
	}
	// Of redundant_metadata, "some" came in 2.2 and cannot be asked for: no error of
	// an unknown value can be told from others. Whoever has direct (2.3) has it.
	if _, ok := values["direct"]; ok {
		values["redundant_metadata"] = "some"
	}
	if l.Size > 0 {
		values["refquota"] = strconv.FormatInt(refquota(l.Size, dirtyMax()), 10)
	}
	if l.Mountpoint != "" {
		values["mountpoint"] = l.Mountpoint
	}
	return values, nil
}

// refquota is the back-stop above a cache of size bytes. ZFS makes writers wait
// for whole transaction groups when what is used and what is on its way come near
// to a quota, and freed space counts for two groups more: hence a twentieth, and
// twice what may be dirty.
func refquota(size, dirty int64) int64 { return size + size/20 + 2*dirty }

// dirtyMax is how much written data ZFS keeps in memory at most.
func dirtyMax() int64 {
	const usual = 4 << 30 // its cap, as the module has it
	text, err := os.ReadFile("/sys/module/zfs/parameters/zfs_dirty_data_max")
	if err != nil {
		return usual
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || n <= 0 {
		return usual
	}
	return n
}

// makePrivate gives a directory that is no link to its owner, alone.
func makePrivate(dir string, uid, gid int) error {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: dir, Err: err}
	}
	defer unix.Close(fd)
	// In this order: who is not root cannot change the mode of another's directory.
	if err := errors.Join(unix.Fchmod(fd, 0o700), unix.Fchown(fd, uid, gid)); err != nil {
		return &os.PathError{Op: "make private", Path: dir, Err: err}
	}
	return nil
}
