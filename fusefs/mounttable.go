package fusefs

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// place is where the mount table says a mount is. The table is asked because a
// stat of the mount point would be a request to ourselves.
type place struct {
	path  string // without symlinks
	minor int    // of st_dev, whose major is 0; names the connection too
	known bool
}

func mountIDs() (map[int]bool, error) {
	all, err := mountinfo.GetMounts(nil)
	if err != nil {
		return nil, err
	}
	ids := make(map[int]bool, len(all))
	for _, m := range all {
		ids[m.ID] = true
	}
	return ids, nil
}

// findMount returns the mount that was made on path since before was taken. path
// may contain symlinks, which the table does not.
func findMount(path, fsName string, before map[int]bool) (place, error) {
	all, err := mountinfo.GetMounts(nil)
	if err != nil {
		return place{}, err
	}
	var found *mountinfo.Info
	for _, m := range all {
		if before[m.ID] || m.FSType != "fuse."+fsType || fsName != "" && m.Source != fsName {
			continue
		}
		if found == nil || m.Mountpoint == filepath.Clean(path) {
			found = m
		}
	}
	if found == nil {
		return place{}, &os.PathError{Op: "mount", Path: path, Err: os.ErrNotExist}
	}
	return place{path: found.Mountpoint, minor: found.Minor, known: true}, nil
}

// look says whether the mount is in the tree, and whether it is the topmost there: its
// path would name any other. One of which nothing is known counts as both.
func (at place) look() (there, top bool, err error) {
	if !at.known {
		return true, true, nil
	}
	all, err := mountinfo.GetMounts(func(m *mountinfo.Info) (skip, stop bool) { return m.Mountpoint != at.path, false })
	for _, m := range all {
		top = m.Major == 0 && m.Minor == at.minor // a mount comes behind those that it covers
		there = there || top
	}
	return there, top, err
}

// covered returns the paths in the mount that lead to another mount, in this
// process's mount namespace: by the mount itself and by bind mounts of it.
func (at place) covered() (map[string]bool, error) {
	if !at.known {
		return nil, nil
	}
	all, err := mountinfo.GetMounts(nil)
	if err != nil {
		return nil, err
	}
	return coveredPaths(all, at.minor), nil
}

func coveredPaths(all []*mountinfo.Info, minor int) map[string]bool {
	ours := make(map[int]*mountinfo.Info)
	for _, m := range all {
		if m.Major == 0 && m.Minor == minor {
			ours[m.ID] = m
		}
	}
	covered := map[string]bool{}
	for _, m := range all {
		on := ours[m.Parent]
		if on == nil {
			continue
		}
		rel, err := filepath.Rel(on.Mountpoint, m.Mountpoint)
		if err != nil {
			continue
		}
		for path := strings.TrimPrefix(filepath.Join(on.Root, rel), "/"); path != ""; path = parentPath(path) {
			covered[path] = true
		}
	}
	return covered
}

// setReadAhead raises the kernel's read-ahead, which is 128 KiB for FUSE and can
// only be lowered by the INIT answer. It takes root.
func setReadAhead(at place, kb int) error {
	file := filepath.Join("/sys/class/bdi", "0:"+strconv.Itoa(at.minor), "read_ahead_kb")
	return os.WriteFile(file, []byte(strconv.Itoa(kb)), 0)
}

// abort writes to the connection's file in fusectl, which root mounts first where
// that has not been done.
func abort(at place) error {
	const fusectl = "/sys/fs/fuse/connections"
	if !at.known {
		return &os.PathError{Op: "abort", Path: at.path, Err: os.ErrNotExist}
	}
	file := filepath.Join(fusectl, strconv.Itoa(at.minor), "abort")
	err := os.WriteFile(file, []byte("1"), 0)
	if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	flags := uintptr(unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC)
	if err := unix.Mount("fusectl", fusectl, "fusectl", flags, ""); err != nil {
		return &os.PathError{Op: "mount", Path: fusectl, Err: err}
	}
	return os.WriteFile(file, []byte("1"), 0)
}

// fusermountUnmount asks the set-uid helper. It does not say why it failed other
// than in words; a mount that is still there is busy.
func fusermountUnmount(path string, lazy bool) error {
	args := []string{"-u", path}
	if lazy {
		args = []string{"-u", "-z", path}
	}
	var err error
	for _, helper := range []string{"fusermount3", "/bin/fusermount3", "fusermount"} {
		err = exec.Command(helper, args...).Run()
		if err == nil {
			return nil
		}
		if !errors.Is(err, exec.ErrNotFound) && !errors.Is(err, os.ErrNotExist) {
			break
		}
	}
	var failed *exec.ExitError
	mounts, _ := mountinfo.GetMounts(mountinfo.SingleEntryFilter(path))
	if len(mounts) > 0 && errors.As(err, &failed) {
		err = unix.EBUSY
	}
	return &os.PathError{Op: "umount", Path: path, Err: err}
}
