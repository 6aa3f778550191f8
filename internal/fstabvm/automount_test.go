//go:build zfsvm

package fstabvm

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// types are those that /etc/fstab may name; mount(8) has a helper for each.
var types = []string{"zs3fs", "fuse.zs3fs"}

// TestFstabFirstAccessMounts: mounted at the first access and not before, with the
// right bytes, after the dataset and in the unit's own cgroup.
func TestFstabFirstAccessMounts(t *testing.T) {
	for i, fstype := range types {
		t.Run(fstype, func(t *testing.T) {
			u := newUnit(t, line{fstype: fstype, dir: fmt.Sprintf("/mnt/first%d", i), automount: true})
			u.systemctl("start", "remote-fs.target", "multi-user.target")
			if u.top() != "autofs" || len(u.processes()) > 0 || u.server.Count() > 0 {
				t.Errorf("before the first access: %q, processes %v, %d requests", u.top(), u.processes(), u.server.Count())
			}
			t.Logf("first access: %v", u.mustRead())
			if u.top() != "fuse.zs3fs" {
				t.Errorf("mounted: %q", u.top())
			}
			if need := u.property("mount", "RequiresMountsFor"); !strings.Contains(need, dataset) {
				t.Errorf("RequiresMountsFor=%s", need)
			}
			if after := u.property("mount", "After"); !strings.Contains(after, "tank-cache.mount") {
				t.Errorf("After=%s", after)
			}
			group, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", u.daemon()))
			if err != nil || !strings.Contains(string(group), u.name("mount")) {
				t.Errorf("the daemon's cgroup: %s, %v", group, err)
			}
		})
	}
}

// TestFstabIdleUnmounts: unmounted when idle, and mounted again warm without a GET.
func TestFstabIdleUnmounts(t *testing.T) {
	for i, fstype := range types {
		t.Run(fstype, func(t *testing.T) {
			u := newUnit(t, line{fstype: fstype, dir: fmt.Sprintf("/mnt/idle%d", i), automount: true})
			t.Logf("cold: %v", u.mustRead())
			for range 2 {
				u.allOnDisk()
				idle := u.eventually("unmounted when idle", func() bool { return u.top() == "autofs" })
				u.eventually("no process is left", func() bool { return len(u.processes()) == 0 })
				u.server.Reset()
				t.Logf("idle: unmounted after %v; warm, with the mount: %v", idle, u.mustRead())
				if n := u.gets(); n > 0 {
					t.Errorf("%d GETs for what was cached", n)
				}
			}
		})
	}
}

// allOnDisk waits until the next mount need not fetch the file.
func (u *unit) allOnDisk() {
	u.t.Helper()
	u.eventually("the file is on disk", func() bool {
		value := make([]byte, 64)
		n, err := unix.Getxattr(u.dir+"/file", "user.zs3fs.cached", value)
		return err == nil && string(value[:n]) == "6/6 blocks"
	})
}

// TestFstabAccessWithoutS3: an access while S3 is away fails in bounded time, and
// one while it comes back waits and succeeds.
func TestFstabAccessWithoutS3(t *testing.T) {
	u := newUnit(t, line{fstype: "zs3fs", dir: "/mnt/away", automount: true, options: ",mount_timeout=20s"})
	u.server.Down()
	begun := time.Now()
	if err := u.read(); err == nil || errors.Is(err, unix.ENOTCONN) {
		t.Errorf("without S3: %v", err)
	} else if d := time.Since(begun); d > 50*time.Second {
		t.Errorf("without S3: %v after %v", err, d)
	} else {
		t.Logf("without S3: %v after %v", err, d)
	}
	result := make(chan error, 1)
	go func() { result <- u.read() }()
	u.eventually("the next attempt runs", func() bool { return len(u.find("zs3fs\x00mount\x00")) > 0 })
	if err := u.server.Up(); err != nil {
		t.Fatal(err)
	}
	if err := <-result; err != nil {
		t.Errorf("with S3 back: %v", err)
	}
}

// TestFstabLazyConnect: with lazy_connect a line is mounted while S3 is away, and can be
// read when S3 has come.
func TestFstabLazyConnect(t *testing.T) {
	u := newUnit(t, line{fstype: "zs3fs", dir: "/mnt/lazy", options: ",lazy_connect,request_timeout=10s"})
	u.server.Down()
	u.systemctl("start", u.name("mount"))
	if u.top() != "fuse.zs3fs" {
		t.Fatalf("%q is on top", u.top())
	}
	if err := u.read(); !errors.Is(err, unix.EIO) {
		t.Errorf("without S3: %v, want EIO", err)
	}
	if err := u.server.Up(); err != nil {
		t.Fatal(err)
	}
	u.eventually("the file can be read", func() bool { return u.read() == nil })
}

// TestFstabAutomountOutlivesFailures: systemd gives an automount up whose mount
// fails more than five times in ten seconds; a helper that fails at once never does.
func TestFstabAutomountOutlivesFailures(t *testing.T) {
	u := newUnit(t, line{fstype: "fuse.zs3fs", dir: "/mnt/fails", automount: true,
		options: ",env.AWS_SHARED_CREDENTIALS_FILE=/etc/zs3fs-missing"})
	t.Cleanup(func() { os.Remove("/etc/zs3fs-missing") })
	for range 8 {
		if err := u.read(); err == nil {
			t.Fatal("a read without credentials succeeded")
		}
	}
	if u.top() != "autofs" {
		t.Fatalf("the automount has given up: %q on top", u.top())
	}
	secret, err := os.ReadFile(credentials)
	if err == nil {
		err = os.WriteFile("/etc/zs3fs-missing", secret, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	u.mustRead()
}

// TestFstabKilledUnderAutomount: the daemon is killed; the next access works.
func TestFstabKilledUnderAutomount(t *testing.T) {
	for i, fstype := range types {
		t.Run(fstype, func(t *testing.T) {
			u := newUnit(t, line{fstype: fstype, dir: fmt.Sprintf("/mnt/killed%d", i), automount: true, options: ",x-systemd.idle-timeout=0"})
			u.mustRead()
			for range 3 {
				u.allOnDisk()
				u.server.Reset()
				if err := unix.Kill(u.daemon(), unix.SIGKILL); err != nil {
					t.Fatal(err)
				}
				gone := u.eventually("the dead mount is gone", func() bool { return u.top() == "autofs" })
				t.Logf("detached after %v, mounted and read in %v", gone, u.mustRead())
				if n := u.gets(); n > 0 {
					t.Errorf("%d GETs for what was cached", n)
				}
			}
		})
	}
}

// TestFstabKilledWithKeeper: whoever kills the keeper as well is left with a dead
// mount; umount mends it. (Not a restart of the unit: on Linux 6.18 what
// systemd starts in a cgroup that it has used cgroup.kill on is killed as well.)
func TestFstabKilledWithKeeper(t *testing.T) {
	u := newUnit(t, line{fstype: "zs3fs", dir: "/mnt/killedall", automount: true, options: ",x-systemd.idle-timeout=0"})
	u.mustRead()
	u.systemctl("kill", "--signal=KILL", u.name("mount"))
	u.eventually("no process is left", func() bool { return len(u.processes()) == 0 })
	if _, err := os.ReadDir(u.dir); !errors.Is(err, unix.ENOTCONN) {
		t.Errorf("of a dead mount: %v", err)
	}
	if err := run("umount", u.dir); err != nil {
		t.Fatal(err)
	}
	u.mustRead()
}
