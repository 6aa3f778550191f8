package zfs

import (
	"errors"
	"fmt"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// Table is the part of the mount table that is about ZFS.
type Table []*mountinfo.Info

// Mounts reads the mount table of this process; it touches no mount.
func Mounts() (Table, error) {
	return mountinfo.GetMounts(mountinfo.FSTypeFilter("zfs"))
}

// Mountpoint returns where a dataset is mounted whole. The error is ErrNotMounted
// also where something else hides the mount: what is written there would fill
// another file system.
func (t Table) Mountpoint(dataset string) (string, error) {
	if err := checkName(dataset); err != nil {
		return "", err
	}
	for _, m := range t {
		if m.Source != dataset || m.Root != "/" {
			continue
		}
		var st unix.Stat_t
		if unix.Lstat(m.Mountpoint, &st) == nil && sameDevice(&st, m) {
			return m.Mountpoint, nil
		}
	}
	return "", fmt.Errorf("%s: %w", dataset, ErrNotMounted)
}

// Dataset names the dataset that a directory lies on; empty when that is none.
// A directory that does not exist yet is an error.
func (t Table) Dataset(dir string) (string, error) {
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return "", err
	}
	for _, m := range t {
		if sameDevice(&st, m) {
			return m.Source, nil
		}
	}
	return "", nil
}

func sameDevice(st *unix.Stat_t, m *mountinfo.Info) bool {
	return unix.Major(st.Dev) == uint32(m.Major) && unix.Minor(st.Dev) == uint32(m.Minor)
}

// Resolve returns the mount point of a dataset, and tells one that is not mounted
// (ErrNotMounted) from one that does not exist (ErrNoDataset) where the programs
// are there to say so.
func Resolve(dataset string) (string, error) {
	table, err := Mounts()
	if err != nil {
		return "", err
	}
	dir, err := table.Mountpoint(dataset)
	if !errors.Is(err, ErrNotMounted) {
		return dir, err
	}
	tools, findErr := Find()
	if findErr != nil {
		return "", err
	}
	if exists, listErr := tools.Exists(dataset); listErr == nil && !exists {
		return "", fmt.Errorf("%s: %w", dataset, ErrNoDataset)
	}
	return "", err
}
