package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

const (
	// fsType is the mount table's type of our mounts.
	fsType = "fuse.zs3fs"
	// A live daemon answers statfs without the network.
	probeTimeout = 2 * time.Second
)

// resolveDir makes a mount point absolute without touching it in helper mode,
// and otherwise without following more than its own and its parents' links: the
// directory itself may be a dead mount.
func resolveDir(dir string, helper bool) (string, error) {
	if dir == "" { // a variable that is not set; never the working directory
		return "", fail(NoMountPoint, "the mount point is empty: name a directory")
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fail(NoMountPoint, "mount point %q: %v", dir, err)
	}
	if helper || abs == "/" {
		return abs, nil
	}
	if parent, err := filepath.EvalSymlinks(filepath.Dir(abs)); err == nil {
		abs = filepath.Join(parent, filepath.Base(abs))
	}
	if _, err := os.Readlink(abs); err == nil {
		if target, err := filepath.EvalSymlinks(abs); err == nil {
			abs = target
		}
	}
	return abs, nil
}

// mountAt returns the topmost mount on dir, or nil. It reads the mount table and
// touches nothing.
func mountAt(dir string) (*mountinfo.Info, error) {
	mounts, err := mountinfo.GetMounts(func(i *mountinfo.Info) (skip, stop bool) { return i.Mountpoint != dir, false })
	if err != nil || len(mounts) == 0 {
		return nil, err
	}
	return mounts[len(mounts)-1], nil
}

// occupant says what the mount table has on a mount point.
type occupant int

const (
	nothing occupant = iota
	// pending must not be touched: an automount waits for this very mount, or
	// mount(8) may have called for one. mount(2) will tell what is wrong.
	pending
	ours
	foreign
)

func occupantOf(top *mountinfo.Info, helper bool) occupant {
	switch {
	case top == nil && helper, top != nil && top.FSType == "autofs":
		return pending
	case top == nil:
		return nothing
	case top.FSType == fsType:
		return ours
	}
	return foreign
}

// checkMountPoint finds out whether dir can be mounted on, and clears away what
// killed daemons left there.
func checkMountPoint(o *Options) error {
	for {
		top, err := mountAt(o.Dir)
		if err != nil {
			return fail(Failed, "cannot read the mount table: %v", err)
		}
		switch who := occupantOf(top, o.Helper); {
		case who == pending:
			return nil
		case who == nothing:
			return checkDirectory(o.Dir, o.Mount.NonEmpty)
		case who == ours && dead(o.Dir):
			// The keeper of the dead daemon may be at it as well.
			if err := detachDead(o.Dir); err != nil {
				return fail(AlreadyMounted, "%s holds a dead mount that cannot be detached: %v; run: umount -l %s", o.Dir, err, o.Dir)
			}
		default:
			return fail(AlreadyMounted, "%s is already mounted (%s, type %s): umount it, or choose another mount point", o.Dir, top.Source, top.FSType)
		}
	}
}

func checkDirectory(dir string, nonEmpty bool) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fail(NoMountPoint, "mount point %s does not exist: run: mkdir %s", dir, dir)
	case err != nil:
		return fail(NoMountPoint, "mount point: %v", err)
	case !info.IsDir():
		return fail(NotDirectory, "mount point %s is not a directory", dir)
	case nonEmpty:
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return fail(NoMountPoint, "mount point: %v", err)
	}
	defer d.Close()
	if _, err := d.ReadDir(1); !errors.Is(err, io.EOF) {
		return fail(NotEmpty, "mount point %s is not empty: its files would be hidden; empty it, or say --nonempty", dir)
	}
	return nil
}

// dead reports whether the daemon of the mount on dir is gone. One that does not
// answer in time is not dead.
func dead(dir string) bool {
	result := make(chan error, 1)
	go func() {
		// Not stat: the kernel may know the attributes still.
		var st unix.Statfs_t
		result <- unix.Statfs(dir, &st)
	}()
	select {
	case err := <-result:
		return errors.Is(err, unix.ENOTCONN)
	case <-time.After(probeTimeout):
		return false
	}
}

// detachDead removes a mount of ours whose daemon is gone, if there is one: nothing
// half-mounted may stay behind.
func detachDead(dir string) error {
	top, err := mountAt(dir)
	if err != nil || top == nil || top.FSType != fsType {
		return err
	}
	id, err := mountIDAt(dir)
	if err != nil || !dead(dir) {
		return err
	}
	_, err = detachMount(dir, id)
	return err
}

// unmountPath unmounts as root, else through fusermount3.
func unmountPath(dir string, flags int) error {
	err := unix.Unmount(dir, flags|unix.UMOUNT_NOFOLLOW)
	if !errors.Is(err, unix.EPERM) {
		return err
	}
	bin, err := fusermount()
	if err != nil {
		return err
	}
	args := []string{"-u"}
	if flags&unix.MNT_DETACH != 0 {
		args = append(args, "-z")
	}
	out, err := exec.Command(bin, append(args, "--", dir)...).CombinedOutput()
	if err == nil {
		return nil
	}
	// fusermount3 has one exit status for all; the mount table is the judge.
	if flags&unix.MNT_DETACH == 0 {
		if top, _ := mountAt(dir); top != nil {
			return unix.EBUSY
		}
	}
	return errors.New(strings.TrimSpace(string(out)))
}

// fusermount finds the helper of libfuse also where there is no PATH, as in a
// mount unit of systemd.
func fusermount() (string, error) {
	for _, name := range []string{"fusermount3", "/usr/bin/fusermount3", "/bin/fusermount3", "fusermount", "/bin/fusermount"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("fusermount3 was not found")
}

// checkFuse finds out whether this machine and this user can mount at all.
func checkFuse() error {
	device, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return fail(NoFuseDevice, "/dev/fuse may not be opened: %v; in a container, pass the device", err)
		}
		return fail(NoFuseDevice, "no FUSE here: %v; run: modprobe fuse; in a container, pass --device /dev/fuse", err)
	}
	device.Close()
	if os.Geteuid() == 0 {
		return nil
	}
	if _, err := fusermount(); err != nil {
		return fail(NoFusermount, "not root, and %v: install the package fuse3", err)
	}
	return nil
}
