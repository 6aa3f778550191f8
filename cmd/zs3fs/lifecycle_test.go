package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

func TestForegroundMountEndsOnSignal(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		s := newStand(t)
		p := s.foreground()
		s.readFile()
		p.signal(sig)
		if code := p.wait(); code != OK {
			t.Errorf("%v: code %d", sig, code)
		}
		if s.mounted() {
			t.Errorf("%v: still mounted", sig)
		}
		if log := p.logged(); strings.Count(log, "msg=mounted") != 1 || !strings.Contains(log, "filesystem=") {
			t.Errorf("no line about the start: %s", log)
		}
	}
}

func TestDaemon(t *testing.T) {
	s := newStand(t)
	log := filepath.Join(s.dir, "log")
	// Relative paths are those of whoever mounts.
	o := s.run("mount", "--endpoint-url", s.server.URL(), "--cache-dir", "cache", "--log-file", "log", s.server.Bucket(), "mnt")
	if o.code != OK || o.stdout+o.stderr != "" {
		t.Fatalf("code %d: %s%s", o.code, o.stdout, o.stderr)
	}
	s.readFile()
	pids := s.daemons()
	if len(pids) != 1 {
		t.Fatalf("daemons: %v", pids)
	}
	stat, err := os.ReadFile("/proc/" + pids[0] + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	if session := strings.Fields(after)[3]; session != pids[0] {
		t.Errorf("the daemon is in session %s, not its own", session)
	}
	// pgrep and killall find the daemon, and do not end the keeper with it.
	for pid, want := range map[string]string{pids[0]: "zs3fs\n", s.keeper(): "mount-keeper\n"} {
		if name, err := os.ReadFile("/proc/" + pid + "/comm"); string(name) != want {
			t.Errorf("process %s is called %q, want %q: %v", pid, name, want, err)
		}
	}
	if cwd, _ := os.Readlink("/proc/" + pids[0] + "/cwd"); cwd != "/" {
		t.Errorf("the daemon works in %s", cwd)
	}
	s.must("umount", s.mnt)
	if s.mounted() {
		t.Error("still mounted")
	}
	eventually(t, "the daemon ends", func() bool { return len(s.daemons()) == 0 })
	if text, err := os.ReadFile(log); err != nil || !strings.Contains(string(text), "msg=unmounted") {
		t.Errorf("log: %s, %v", text, err)
	}
}

// What the daemon is told need not be UTF-8: neither the mount point nor the prefix.
func TestDaemonOfAnyBytes(t *testing.T) {
	s := newStand(t)
	s.mem.Put("pre\xff/file", s3test.Coded(1, 1, 3<<20+5))
	s.mnt = filepath.Join(s.dir, "mnt\xfe")
	if err := os.Mkdir(s.mnt, 0o755); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"mount"}, s.options()...)
	s.must(append(args, "s3://"+s.server.Bucket()+"/pre\xff", s.mnt)...)
	s.readFile()
	s.must("status", s.mnt)
	s.must("umount", s.mnt)
}

// A lock or a pipe of the script that mounts must not stay with the daemon.
func TestDaemonInheritsNothing(t *testing.T) {
	s := newStand(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := exec.Command(binary, s.mountArgs()...)
	cmd.Env, cmd.Dir = s.env, s.dir
	cmd.ExtraFiles = []*os.File{w, w, w, w, w, w, w} // 3 to 9
	err = cmd.Run()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the pipe stays open: %v", err)
	}
	s.readFile()
	s.must("umount", s.mnt)
}

// The cache's lock is still held when umount returns; the next mount waits for it.
func TestMountRightAfterUmount(t *testing.T) {
	s := newStand(t)
	for range 3 {
		s.must(s.mountArgs()...)
		s.readFile()
		s.must("umount", s.mnt)
	}
	eventually(t, "the daemons end", func() bool { return len(s.daemons()) == 0 })
}

func TestSIGTERMWithOpenFile(t *testing.T) {
	s := newStand(t)
	p := s.foreground("--unmount-timeout", "300ms")
	f, err := os.Open(filepath.Join(s.mnt, "dir/small"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p.signal(syscall.SIGTERM)
	if code := p.wait(); code != Detached {
		t.Errorf("code %d, want %d", code, Detached)
	}
	if s.mounted() {
		t.Error("still mounted")
	}
}

func TestSIGTERMWaitsForOpenFile(t *testing.T) {
	s := newStand(t)
	p := s.foreground("--unmount-timeout", "1m")
	f, err := os.Open(filepath.Join(s.mnt, "dir/small"))
	if err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGTERM)
	eventually(t, "it tries to unmount", func() bool { return strings.Contains(p.logged(), "msg=unmounting") })
	f.Close()
	if code := p.wait(); code != OK {
		t.Errorf("code %d", code)
	}
}

func TestSecondSignalForces(t *testing.T) {
	s := newStand(t)
	p := s.foreground("--unmount-timeout", "1m")
	f, err := os.Open(filepath.Join(s.mnt, "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p.signal(syscall.SIGINT)
	eventually(t, "it tries to unmount", func() bool { return strings.Contains(p.logged(), "msg=unmounting") })
	p.signal(syscall.SIGINT)
	if code := p.wait(); code != Forced {
		t.Errorf("code %d, want %d", code, Forced)
	}
	if s.mounted() {
		t.Error("still mounted")
	}
	if _, err := f.Read(make([]byte, 1)); err == nil {
		t.Error("the open file still reads")
	}
}

func TestUmountWhileBusy(t *testing.T) {
	s := newStand(t)
	p := s.foreground()
	f, err := os.Open(filepath.Join(s.mnt, "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if o := s.run("umount", s.mnt); o.code != Busy || strings.Count(o.stderr, "\n") != 1 {
		t.Errorf("umount: code %d, %q", o.code, o.stderr)
	}
	s.readFile()
	s.must("umount", "--lazy", s.mnt)
	if s.mounted() {
		t.Error("still mounted")
	}
	buf := make([]byte, 1<<20)
	if _, err := f.ReadAt(buf, 2<<20); err != nil {
		t.Errorf("the open file: %v", err)
	} else if err := s3test.CheckCoded(buf, 2<<20, 1, 1); err != nil {
		t.Error(err)
	}
	select {
	case <-p.done:
		t.Error("the daemon ended with a file open")
	default:
	}
	f.Close()
	if code := p.wait(); code != OK {
		t.Errorf("code %d", code)
	}
}

// What is mounted below keeps a mount busy too, and looking for open files finds nothing.
func TestUmountWithAMountBelow(t *testing.T) {
	needRoot(t)
	s := newStand(t)
	s.must(s.mountArgs()...)
	below := filepath.Join(s.mnt, "dir")
	if err := unix.Mount("none", below, "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	o := s.run("umount", s.mnt)
	if err := unix.Unmount(below, 0); err != nil {
		t.Fatal(err)
	}
	if o.code != Busy || !strings.Contains(o.stderr, "mounted below") {
		t.Errorf("umount: code %d, %q", o.code, o.stderr)
	}
	s.must("umount", s.mnt)
}

func TestUmountForce(t *testing.T) {
	s := newStand(t)
	p := s.foreground()
	f, err := os.Open(filepath.Join(s.mnt, "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s.must("umount", "--force", s.mnt)
	if s.mounted() {
		t.Error("still mounted")
	}
	p.wait()
}

func TestUmountFromOutside(t *testing.T) {
	needRoot(t)
	s := newStand(t)
	p := s.foreground()
	if err := unix.Unmount(s.mnt, 0); err != nil {
		t.Fatal(err)
	}
	if code := p.wait(); code != OK {
		t.Errorf("code %d", code)
	}
}

func TestAbortedConnection(t *testing.T) {
	needRoot(t)
	s := newStand(t)
	p := s.foreground()
	f, err := os.Open(filepath.Join(s.mnt, "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	// With a file open this aborts and leaves the mount.
	if err := unix.Unmount(s.mnt, unix.MNT_FORCE); err != unix.EBUSY {
		t.Fatalf("umount -f: %v", err)
	}
	if code := p.wait(); code != Aborted {
		t.Errorf("code %d, want %d", code, Aborted)
	}
	if s.mounted() {
		t.Error("a dead mount stayed")
	}
}

func TestKillAndRemount(t *testing.T) {
	s := newStand(t)
	p := s.foreground()
	s.readFile()
	// All blocks are on disk.
	eventually(t, "4 of 4 blocks cached", func() bool {
		value := make([]byte, 64)
		n, err := unix.Getxattr(filepath.Join(s.mnt, "file"), "user.zs3fs.cached", value)
		return err == nil && string(value[:n]) == "4/4 blocks"
	})
	p.killWithKeeper()
	if !s.mounted() || !dead(s.mnt) {
		t.Fatal("there is no dead mount to begin with")
	}
	s.server.Reset()
	s.must(s.mountArgs()...)
	s.readFile()
	if n := s.server.BytesSent(); n != 0 {
		t.Errorf("%d bytes were fetched again", n)
	}
	s.must("umount", s.mnt)
	if s.mounted() {
		t.Error("the dead mount is still below")
	}
	eventually(t, "the daemon ends", func() bool { return len(s.daemons()) == 0 })
}

func TestUmountOfDeadMount(t *testing.T) {
	s := newStand(t)
	p := s.foreground()
	p.killWithKeeper()
	s.must("umount", s.mnt)
	if s.mounted() {
		t.Error("still mounted")
	}
}

// A log that nobody reads, or that is gone, does not end a mount.
func TestBrokenLog(t *testing.T) {
	s := newStand(t)
	cmd := exec.Command(binary, s.mountArgs("-f", "--debug")...)
	cmd.Env = s.env
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	eventually(t, "mounted", s.mounted)
	s.readFile() // far more lines than a pipe holds, and nobody reads
	r.Close()
	if _, err := os.ReadFile(filepath.Join(s.mnt, "dir/small")); err != nil {
		t.Error(err)
	}
	s.must("umount", s.mnt)
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// Interrupted while it starts, the command and its daemon end at once.
func TestInterruptedStart(t *testing.T) {
	for _, foreground := range []bool{false, true} {
		s := newStand(t)
		s.server.Inject(s3test.Fault{Do: s3test.StallBefore()})
		args := s.mountArgs()
		if foreground {
			args = s.mountArgs("-f")
		}
		cmd := exec.Command(binary, args...)
		cmd.Env = s.env
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it asks for the bucket", func() bool { return s.server.Count() > 0 })
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		if code := Code(cmd.ProcessState.ExitCode()); code != Failed {
			t.Errorf("foreground %v: code %d, want %d", foreground, code, Failed)
		}
		if pids := append(s.daemons(), s.keepers()...); len(pids) > 0 || s.mounted() {
			t.Errorf("foreground %v: left: %v, mounted %v", foreground, pids, s.mounted())
		}
	}
}
