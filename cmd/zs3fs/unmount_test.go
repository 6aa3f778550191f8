package main

import (
	"errors"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// elsewhere is another mount namespace, which has a copy of all mounts until t ends.
func elsewhere(t *testing.T) {
	t.Helper()
	cmd := exec.Command("unshare", "--mount", "--propagation", "private", "sh", "-c", "echo; exec cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait()
	})
	if _, err := io.ReadFull(out, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
}

// The kernel lets umount succeed, and keeps the mount for the other namespace.
func TestSIGTERMWithMountInAnotherNamespace(t *testing.T) {
	needRoot(t)
	s := newStand(t)
	p := s.foreground("--unmount-timeout", "300ms")
	elsewhere(t)
	p.signal(syscall.SIGTERM)
	if code := p.wait(); code != Detached {
		t.Errorf("code %d, want %d", code, Detached)
	}
	if s.mounted() || !strings.Contains(p.logged(), "aborting it") {
		t.Errorf("mounted %v, log: %s", s.mounted(), p.logged())
	}
}

func TestSecondSignalWithMountInAnotherNamespace(t *testing.T) {
	needRoot(t)
	s := newStand(t)
	p := s.foreground("--unmount-timeout", "1m")
	elsewhere(t)
	p.signal(syscall.SIGTERM)
	eventually(t, "it is unmounted", func() bool { return !s.mounted() })
	// What is mounted there meanwhile is somebody else's.
	if err := unix.Mount("another", s.mnt, "tmpfs", 0, "size=4k"); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGTERM)
	if code := p.wait(); code != Forced {
		t.Errorf("code %d, want %d", code, Forced)
	}
	removeAnother(t, s.mnt)
}

// Somebody else has unmounted it; the copy stays in use.
func TestSIGTERMAfterUmountWithMountInAnotherNamespace(t *testing.T) {
	needRoot(t)
	s := newStand(t)
	p := s.foreground("--unmount-timeout", "300ms")
	elsewhere(t)
	if err := errors.Join(unix.Unmount(s.mnt, 0), unix.Mount("another", s.mnt, "tmpfs", 0, "size=4k")); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGTERM)
	if code := p.wait(); code != Detached {
		t.Errorf("code %d, want %d", code, Detached)
	}
	removeAnother(t, s.mnt)
}

// removeAnother takes away what somebody else has mounted, which must be there still.
func removeAnother(t *testing.T, mnt string) {
	t.Helper()
	if top, err := mountAt(mnt); err != nil || top == nil || top.Source != "another" {
		t.Errorf("on the mount point: %+v, %v", top, err)
	}
	if err := unix.Unmount(mnt, unix.MNT_DETACH); err != nil {
		t.Error(err)
	}
}
