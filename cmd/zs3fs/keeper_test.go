package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// signalAll sends a signal to processes; negative numbers are groups.
func signalAll(t *testing.T, sig syscall.Signal, pids ...string) {
	t.Helper()
	for _, text := range pids {
		pid, err := strconv.Atoi(text)
		if err == nil {
			err = unix.Kill(pid, sig)
		}
		if err != nil {
			t.Fatalf("kill %s: %v", text, err)
		}
	}
}

// keeper is the one keeper of the mount, when it has come to ignore SIGTERM.
func (s *stand) keeper() (pid string) {
	s.t.Helper()
	eventually(s.t, "there is a keeper", func() bool {
		pids := s.keepers()
		if len(pids) != 1 {
			return false
		}
		pid = pids[0]
		text, err := os.ReadFile(filepath.Join("/proc", pid, "status"))
		_, after, _ := strings.Cut(string(text), "\nSigIgn:\t")
		mask, _, _ := strings.Cut(after, "\n")
		ignored, parseErr := strconv.ParseUint(mask, 16, 64)
		return err == nil && parseErr == nil && ignored&(1<<(unix.SIGTERM-1)) != 0
	})
	return pid
}

// killWithKeeper leaves a dead mount behind.
func (p *process) killWithKeeper() {
	p.s.t.Helper()
	signalAll(p.s.t, syscall.SIGKILL, p.s.keeper())
	p.signal(syscall.SIGKILL)
	p.wait()
}

// plainDirectory waits until nothing is left of a killed daemon.
func (s *stand) plainDirectory() {
	s.t.Helper()
	eventually(s.t, "the dead mount is gone", func() bool { return !s.mounted() })
	if names, err := os.ReadDir(s.mnt); err != nil || len(names) > 0 {
		s.t.Errorf("the directory below: %v, %v", names, err)
	}
	eventually(s.t, "the keeper ends", func() bool { return len(s.keepers()) == 0 })
}

// F73, F87: killed, a daemon leaves an empty directory and no process.
func TestKilledDaemonLeavesNothing(t *testing.T) {
	for _, c := range []struct{ name, group string }{{"the daemon", ""}, {"its process group", "-"}} {
		t.Run(c.name, func(t *testing.T) {
			s := newStand(t)
			s.must(s.mountArgs()...)
			s.readFile()
			f, err := os.Open(filepath.Join(s.mnt, "file")) // does not hold it up
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			signalAll(t, syscall.SIGKILL, c.group+s.daemons()[0])
			s.plainDirectory()
			s.must(s.mountArgs()...)
			s.readFile()
			s.must("umount", s.mnt)
		})
	}
	t.Run("one in the foreground", func(t *testing.T) {
		s := newStand(t)
		p := s.foreground()
		s.keeper()
		p.signal(syscall.SIGKILL)
		p.wait()
		s.plainDirectory()
	})
}

// A service's stop, a terminal's interrupt and hang-up go to the keeper too.
func TestKeeperOutlivesSignals(t *testing.T) {
	s := newStand(t)
	p := s.foreground()
	keeper := s.keeper()
	for _, sig := range []syscall.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT} {
		signalAll(t, sig, keeper)
	}
	s.readFile()
	p.signal(syscall.SIGKILL)
	p.wait()
	s.plainDirectory()
}

// However a mount ends that is not killed, its keeper ends with it.
func TestKeeperEndsWithTheMount(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(s *stand, p *process)
	}{
		{"umount", func(s *stand, _ *process) { s.must("umount", s.mnt) }},
		{"lazily", func(s *stand, _ *process) { s.must("umount", "--lazy", s.mnt) }},
		{"by force", func(s *stand, _ *process) { s.must("umount", "--force", s.mnt) }},
		{"signal", func(_ *stand, p *process) { p.signal(syscall.SIGTERM) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStand(t)
			p := s.foreground()
			s.keeper()
			c.end(s, p)
			p.wait()
			if pids := s.keepers(); len(pids) > 0 {
				t.Errorf("left behind: %v", pids)
			}
		})
	}
}

// A keeper takes away its own daemon's mount only: a later one, which may have the
// numbers of the first in the mount table, stays, and so does what is below.
func TestKeeperLeavesOtherMounts(t *testing.T) {
	needRoot(t)
	for _, c := range []struct {
		name  string
		after func(s *stand)
	}{
		{"the next daemon's", func(s *stand) {
			s.must(s.mountArgs()...)
			s.readFile()
		}},
		{"another file system", func(s *stand) {
			if err := unix.Unmount(s.mnt, unix.MNT_DETACH); err != nil {
				s.t.Fatal(err)
			}
			if err := unix.Mount("other", s.mnt, "tmpfs", 0, ""); err != nil {
				s.t.Fatal(err)
			}
		}},
		{"one on top", func(s *stand) {
			if err := unix.Mount("other", s.mnt, "tmpfs", 0, ""); err != nil {
				s.t.Fatal(err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStand(t)
			p := s.foreground()
			keeper := s.keeper()
			signalAll(t, syscall.SIGSTOP, keeper)
			p.signal(syscall.SIGKILL)
			p.wait()
			c.after(s)
			top, err := mountAt(s.mnt)
			if err != nil || top == nil {
				t.Fatal("nothing is mounted: ", err)
			}
			signalAll(t, syscall.SIGCONT, keeper)
			eventually(t, "the keeper ends", func() bool { return !slices.Contains(s.keepers(), keeper) })
			if now, err := mountAt(s.mnt); err != nil || now == nil || *now != *top {
				t.Errorf("on top was %+v, and is %+v, %v", top, now, err)
			}
			if top.FSType == fsType {
				s.readFile()
			}
			for s.mounted() {
				if err := unix.Unmount(s.mnt, unix.MNT_DETACH); err != nil {
					t.Fatal(err)
				}
			}
			eventually(t, "the daemons end", func() bool { return len(s.daemons()) == 0 })
		})
	}
}

// detachMount takes a mount's number for what it is: of this one, and no other.
func TestDetachMount(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	mount := func() mountID {
		t.Helper()
		if err := unix.Mount("test", dir, "tmpfs", 0, ""); err != nil {
			t.Fatal(err)
		}
		id, err := mountIDAt(dir)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	first := mount()
	if done, err := detachMount(dir, first); !done || err != nil {
		t.Fatalf("detach: %v, %v", done, err)
	}
	second := mount()
	if done, err := detachMount(dir, first); done || err != nil {
		t.Errorf("detach of one that is gone: %v, %v", done, err)
	}
	third := mount()
	if done, err := detachMount(dir, second); done || err != nil {
		t.Errorf("detach of one that is covered: %v, %v", done, err)
	}
	for _, id := range []mountID{third, second} {
		if done, err := detachMount(dir, id); !done || err != nil {
			t.Errorf("detach: %v, %v", done, err)
		}
	}
}

// Which mount it is must be known of a daemon that does not answer.
func TestMountIDAsksNoDaemon(t *testing.T) {
	s := newStand(t)
	p := s.foreground()
	before, err := mountIDAt(s.mnt)
	if err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGSTOP)
	now, err := mountIDAt(s.mnt) // hangs where it fails
	p.signal(syscall.SIGCONT)
	if err != nil || now != before {
		t.Errorf("%+v, %v; was %+v", now, err, before)
	}
	s.must("umount", s.mnt)
	p.wait()
}

// A keeper has no secret, no file of the caller's, no connection of the kernel's
// and no directory.
func TestKeeperHoldsNothing(t *testing.T) {
	s := newStand(t)
	shell := exec.Command("sh", append([]string{"-c", `exec "$0" "$@" 7>held`, binary}, s.mountArgs("-f")...)...)
	shell.Env, shell.Dir = s.env, s.dir
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "mounted", s.mounted)
	keeper := filepath.Join("/proc", s.keeper())
	if text, err := os.ReadFile(filepath.Join(keeper, "environ")); err != nil || strings.Contains(string(text), "CANARY") {
		t.Errorf("environment: %q, %v", text, err)
	}
	if cwd, err := os.Readlink(filepath.Join(keeper, "cwd")); err != nil || cwd != "/" {
		t.Errorf("it works in %s, %v", cwd, err)
	}
	fds, err := filepath.Glob(filepath.Join(keeper, "fd/*"))
	if err != nil || len(fds) < 3 {
		t.Fatalf("%v, %v", fds, err)
	}
	for _, fd := range fds {
		to, err := os.Readlink(fd)
		if err != nil {
			t.Error(err)
		}
		// The last two are the Go runtime's.
		if !slices.ContainsFunc([]string{os.DevNull, "pipe:", "anon_inode:[event", "/sys/fs/cgroup/"}, func(ok string) bool { return strings.HasPrefix(to, ok) }) {
			t.Errorf("%s is %s", fd, to)
		}
	}
	s.must("umount", s.mnt)
	if err := shell.Wait(); err != nil {
		t.Error(err)
	}
}
