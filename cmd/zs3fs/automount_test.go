package main

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

func TestAutomountGroup(t *testing.T) {
	for _, c := range []struct {
		top  *mountinfo.Info
		want int
	}{
		{nil, 0},
		{&mountinfo.Info{FSType: fsType, VFSOptions: "rw,pgrp=1"}, 0},
		{&mountinfo.Info{FSType: "autofs", VFSOptions: "rw,fd=57,pgrp=1,timeout=5,minproto=5,maxproto=5,direct,pipe_ino=9313"}, 1},
		{&mountinfo.Info{FSType: "autofs", VFSOptions: "rw,fd=57,pgrp=4321,direct"}, 4321},
		{&mountinfo.Info{FSType: "autofs", VFSOptions: "rw,fd=57"}, 0},
	} {
		if got := automountGroup(c.top); got != c.want {
			t.Errorf("%+v: %d, want %d", c.top, got, c.want)
		}
	}
}

// autofs mounts one that waits for a mount on dir by the process group.
func autofs(t *testing.T, dir string, group int) {
	t.Helper()
	needRoot(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = unix.Unmount(dir, unix.MNT_DETACH)
		r.Close()
		w.Close()
	})
	options := fmt.Sprintf("fd=%d,pgrp=%d,minproto=5,maxproto=5,direct", w.Fd(), group)
	if err := unix.Mount("test", dir, "autofs", 0, options); err != nil {
		t.Fatalf("mount -t autofs -o %s: %v", options, err)
	}
}

// An automount in whose group we are is not held to be a mount, nor touched.
func TestMountUnderOurAutomount(t *testing.T) {
	s := newStand(t)
	autofs(t, s.mnt, unix.Getpgrp())
	s.must(s.mountArgs("--mount-helper")...)
	s.readFile()
	s.must("umount", s.mnt)
	if top, err := mountAt(s.mnt); err != nil || top == nil || top.FSType != "autofs" {
		t.Errorf("%+v, %v", top, err)
	}
	eventually(t, "the daemon ends", func() bool { return len(s.daemons()) == 0 })
	if err := unix.Unmount(s.mnt, 0); err != nil {
		t.Error(err)
	}
}

// A failure lasts, so that systemd does not give the automount up.
func TestFailureUnderAutomountIsHeldBack(t *testing.T) {
	s := newStand(t)
	autofs(t, s.mnt, unix.Getpgrp())
	begun := time.Now()
	holdBack(s.mnt, begun)
	if d := time.Since(begun); d < automountFailure {
		t.Errorf("under an automount: %v", d)
	}
	begun = time.Now()
	holdBack(s.dir, begun)
	if d := time.Since(begun); d >= automountFailure {
		t.Errorf("elsewhere: %v", d)
	}
	if err := unix.Unmount(s.mnt, 0); err != nil {
		t.Error(err)
	}
}

// Called by mount(8), at boot perhaps, the program waits for S3.
func TestHelperWaitsForS3(t *testing.T) {
	s := newStand(t)
	refused := s.server.Inject(s3test.Fault{Do: s3test.InternalError()})
	done := make(chan outcome, 1)
	go func() { done <- s.run(s.mountArgs("--mount-helper", "--retries", "1", "--mount-timeout", "1m")...) }()
	eventually(t, "S3 is asked again and again", func() bool { return refused.Hits() > 3 })
	s.server.ClearFaults()
	if o := <-done; o.code != OK {
		t.Fatalf("code %d: %s", o.code, o.stderr)
	}
	s.readFile()
	s.must("umount", s.mnt)
}
