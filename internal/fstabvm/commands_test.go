//go:build zfsvm

package fstabvm

import (
	"errors"
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"
)

// TestFstabMountCommands: mount -a, mount DIR and umount DIR, of a plain line and of
// one where an automount waits.
func TestFstabMountCommands(t *testing.T) {
	forgetBoot(t)
	for _, l := range []line{
		{fstype: "zs3fs", dir: "/mnt/plain"},
		{fstype: "fuse.zs3fs", dir: "/mnt/auto", automount: true, options: ",x-systemd.idle-timeout=0"},
	} {
		t.Run(l.dir, func(t *testing.T) {
			if err := os.MkdirAll(l.dir, 0o755); err != nil {
				t.Fatal(err)
			}
			u := newUnit(t, l)
			below := u.top()
			if l.automount {
				// Not by mount(8): whose options would count?
				err := run(os.Getenv(programVariable), "mount", "--no-sign-request", "--endpoint-url", u.server.URL(), "bucket", l.dir)
				if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 22 {
					t.Errorf("zs3fs mount where an automount waits: %v, want exit code 22", err)
				}
			}
			for _, args := range [][]string{{"mount", "-a"}, {"mount", l.dir}} {
				if err := run(args[0], args[1:]...); err != nil {
					t.Fatal(err)
				}
				if u.top() != "fuse.zs3fs" {
					t.Fatalf("%v: %q is on top", args, u.top())
				}
				u.mustRead()
				u.daemon() // one
				if err := run("umount", l.dir); err != nil {
					t.Fatal(err)
				}
				if u.top() != below {
					t.Errorf("after umount: %q is on top, want %q", u.top(), below)
				}
				u.eventually("no process is left", func() bool { return len(u.processes()) == 0 })
			}
		})
	}
}

// TestFstabKilled: the daemon of a plain line is killed; its directory is usable, and
// can be mounted again by any means.
func TestFstabKilled(t *testing.T) {
	u := newUnit(t, line{fstype: "zs3fs", dir: "/mnt/killedplain"})
	for _, mount := range [][]string{{"systemctl", "start", u.name("mount")}, {"mount", u.dir}, {"mount", "-a"}} {
		if err := run(mount[0], mount[1:]...); err != nil {
			t.Fatal(err)
		}
		u.mustRead()
		if err := unix.Kill(u.daemon(), unix.SIGKILL); err != nil {
			t.Fatal(err)
		}
		t.Logf("detached after %v", u.eventually("the dead mount is gone", func() bool { return u.top() == "" }))
		if names, err := os.ReadDir(u.dir); err != nil || len(names) > 0 {
			t.Errorf("the directory below: %v, %v", names, err)
		}
		u.eventually("the unit has noticed", func() bool { return u.property("mount", "ActiveState") == "inactive" })
	}
}
