package main

import (
	"strconv"
	"strings"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// systemd gives an automount up, for good and for the plain directory below it,
// when its mount was tried more than 5 times in 10 s (DefaultStartLimitBurst). A
// failure that takes so long keeps below that, however often the directory is
// accessed, and what was wrong may be put right meanwhile.
const automountFailure = 2500 * time.Millisecond

// automountGroup is the one process group for which the automount top is open
// while its mount is pending; all others wait in every access. 0 where top is none.
func automountGroup(top *mountinfo.Info) int {
	if top == nil || top.FSType != "autofs" {
		return 0
	}
	for option := range strings.SplitSeq(top.VFSOptions, ",") {
		if value, ok := strings.CutPrefix(option, "pgrp="); ok {
			group, _ := strconv.Atoi(value)
			return group
		}
	}
	return 0
}

// mountThroughAutomount does what mount(8) is called for by hand, mount DIR or
// mount -a, on a directory where an automount waits: a mount of ours would wait for
// the automount, and that one for our cache. So it is the automount that mounts,
// as fstab says. done is false where there is none, or where it has called us.
func mountThroughAutomount(o *Options) (done bool, err error) {
	top, err := mountAt(o.Dir)
	if err != nil {
		return false, fail(Failed, "cannot read the mount table: %v", err)
	}
	if group := automountGroup(top); group == 0 || group == unix.Getpgrp() {
		return false, nil
	}
	if !o.Helper {
		return true, fail(AlreadyMounted, "an automount waits on %s: use the directory, and it is mounted as fstab says; or stop the automount", o.Dir)
	}
	// With O_DIRECTORY, this starts an automount and waits for it.
	fd, err := unix.Open(o.Dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return true, fail(Failed, "the automount on %s failed: %v; its mount unit's journal says why", o.Dir, err)
	}
	_ = unix.Close(fd)
	if top, err = mountAt(o.Dir); err != nil || top == nil || top.FSType != fsType {
		return true, fail(Failed, "the automount on %s mounted something else", o.Dir)
	}
	return true, nil
}

// holdBack makes a failure that an automount waits for last long enough.
func holdBack(dir string, begun time.Time) {
	top, err := mountAt(dir)
	if err == nil && automountGroup(top) == unix.Getpgrp() {
		time.Sleep(time.Until(begun.Add(automountFailure)))
	}
}
