package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// mountID tells one mount from all others. The kernel uses the numbers of the
// mount table again as soon as a mount is gone; Linux 6.8 and later have one that
// is never used again.
type mountID struct {
	ID           uint64
	Unique       bool
	Major, Minor uint32
}

// pinMount opens the topmost mount on dir, and returns which one it is. It asks
// no daemon, live or dead, and starts no automount; the caller closes fd soon,
// because it keeps the mount busy.
func pinMount(dir string) (fd int, id mountID, err error) {
	// O_PATH without O_DIRECTORY: that would start an automount.
	fd, err = unix.Open(dir, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, id, err
	}
	var st unix.Statx_t
	err = unix.Statx(fd, "", unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC, unix.STATX_MNT_ID_UNIQUE, &st)
	if err == nil && st.Mask&unix.STATX_MNT_ID_UNIQUE == 0 {
		err = unix.Statx(fd, "", unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC, unix.STATX_MNT_ID, &st)
		if err == nil && st.Mask&unix.STATX_MNT_ID == 0 { // before Linux 5.8
			err = unix.EOPNOTSUPP
		}
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, id, err
	}
	return fd, mountID{st.Mnt_id, st.Mask&unix.STATX_MNT_ID_UNIQUE != 0, st.Dev_major, st.Dev_minor}, nil
}

// mountIDAt is the topmost mount on dir.
func mountIDAt(dir string) (mountID, error) {
	fd, id, err := pinMount(dir)
	if err != nil {
		return id, err
	}
	return id, unix.Close(fd)
}

// detachMount aborts the connection of the mount id, whose daemon is dead or cannot
// end otherwise, and takes the mount away from dir, if it is the topmost there; it
// says whether it did. Whatever is mounted or unmounted there meanwhile, no other
// mount is taken away: the path names the open mount, not the directory. Only
// fusermount3, for those who are not root, has nothing but the directory; see
// lockMountPoint.
func detachMount(dir string, id mountID) (bool, error) {
	fd, found, err := pinMount(dir)
	if err != nil {
		return false, err
	}
	defer unix.Close(fd)
	if found != id {
		return false, nil
	}
	switch err = unix.Unmount(fmt.Sprintf("/proc/self/fd/%d", fd), unix.MNT_DETACH|unix.MNT_FORCE); err {
	case unix.EPERM:
		// The file belongs to who mounted; it is missing where nobody mounts fusectl.
		_ = os.WriteFile(fmt.Sprintf("/sys/fs/fuse/connections/%d/abort", id.Minor), []byte("1"), 0)
		return detachPath(dir, id)
	case unix.EINVAL: // somebody else did it just now
		return false, nil
	}
	return err == nil, err
}

// detachPath is detachMount through fusermount3.
func detachPath(dir string, id mountID) (bool, error) {
	defer lockMountPoint(dir)()
	if top, err := mountIDAt(dir); err != nil || top != id {
		return false, err
	}
	err := unmountPath(dir, unix.MNT_DETACH)
	return err == nil, err
}
