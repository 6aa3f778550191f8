package e2e_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// patience is how long anything may take that is expected to happen, on a machine
// that does much else. Nothing waits for it to pass.
const patience = 60 * time.Second

// daemon is a mounted zs3fs process in the foreground.
type daemon struct {
	t       testing.TB
	s       *stand
	cmd     *exec.Cmd
	log     logBuffer
	started time.Time
	done    chan struct{} // closed when the process has ended
	err     error         // of Wait; valid after done
	killed  bool          // the test ended it: its exit status says nothing
}

// logBuffer is what a daemon writes to standard error.
type logBuffer struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// mount starts a daemon with options and waits until it is mounted. When the test
// ends it is unmounted, and must then end well and leave nothing.
func (s *stand) mount(options ...string) *daemon {
	s.t.Helper()
	d := s.launch(options...)
	eventually(s.t, "the mount is ready", func() bool {
		select {
		case <-d.done:
			s.t.Fatalf("the daemon ended with exit code %d before it had mounted\n%s", d.cmd.ProcessState.ExitCode(), d.log.String())
		default:
		}
		// The mount table alone may show what a killed daemon has left.
		return strings.Contains(d.log.String(), "msg=mounted") && mounted(s.t, s.mnt)
	})
	return d
}

// mountWithout is mount with the named variables taken out of the environment.
func (s *stand) mountWithout(variables []string, options ...string) *daemon {
	s.t.Helper()
	s.without = variables
	defer func() { s.without = nil }()
	return s.mount(options...)
}

// launch starts a daemon that may or may not come to be mounted.
func (s *stand) launch(options ...string) *daemon {
	s.t.Helper()
	args := []string{"mount", "-f", "--log-level", "debug", "--endpoint-url", s.server.URL()}
	if s.cache != "" { // else the options say where to cache
		args = append(args, "--cache-dir", s.cache)
	}
	args = append(args, options...)
	d := &daemon{t: s.t, s: s, started: time.Now(), done: make(chan struct{})}
	d.cmd = exec.Command(cmp.Or(s.binary, executable), append(args, "s3://"+s.server.Bucket(), s.mnt)...)
	d.cmd.Env = s.environ()
	d.cmd.Stdout, d.cmd.Stderr = &d.log, &d.log
	// Should this process be killed, the daemon unmounts.
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := d.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		d.err = d.cmd.Wait()
		close(d.done)
	}()
	s.t.Cleanup(d.cleanup)
	return d
}

// environ is what a zs3fs process gets: the credentials, and nothing of the user's.
func (s *stand) environ() []string {
	all := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "GOTRACEBACK=all", "ZS3FS_RUNTIME_DIR=" + filepath.Join(s.dir, "run"),
		"AWS_ACCESS_KEY_ID=" + accessKey, "AWS_SECRET_ACCESS_KEY=" + canary,
		"AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null",
	}
	return slices.DeleteFunc(all, func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains(s.without, name)
	})
}

// unmount ends the daemon as its user would, and returns its exit code.
func (d *daemon) unmount() int {
	d.t.Helper()
	d.signal(syscall.SIGTERM)
	return d.wait()
}

// kill is kill -9. The keeper, if it lives, then detaches the dead mount.
func (d *daemon) kill() {
	d.t.Helper()
	d.killed = true
	d.signal(syscall.SIGKILL)
	d.wait()
}

func (d *daemon) signal(sig syscall.Signal) {
	d.t.Helper()
	if err := d.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		d.t.Fatal(err)
	}
}

// wait waits for the daemon's end and returns its exit code.
func (d *daemon) wait() int {
	d.t.Helper()
	select {
	case <-d.done:
	case <-time.After(patience):
		// The goroutines that hang are in its log then.
		d.cmd.Process.Signal(syscall.SIGQUIT)
		<-d.done
		d.t.Fatalf("the daemon did not end\n%s", d.log.String())
	}
	return d.cmd.ProcessState.ExitCode()
}

// cleanup unmounts, and checks that the daemon ended well, left nothing mounted
// and told no secret.
func (d *daemon) cleanup() {
	select {
	case <-d.done:
	default:
		d.s.tellsNoSecret(d)
		if code := d.unmount(); code != 0 {
			d.t.Errorf("the daemon ended with exit code %d", code)
		}
	}
	eventually(d.t, "the keeper ends", func() bool { return len(d.s.keepers()) == 0 })
	if mounted(d.t, d.s.mnt) {
		d.t.Errorf("%s is still mounted", d.s.mnt)
		if err := d.s.umount(true); err != nil {
			d.t.Errorf("umount: %v", err)
		}
	}
	log := d.log.String()
	for _, bad := range []string{canary, "panic:", "DATA RACE", "fatal error:"} {
		if strings.Contains(log, bad) {
			d.t.Errorf("the daemon's log contains %q", bad)
		}
	}
	if d.t.Failed() {
		d.t.Logf("log of %s:\n%s", strings.Join(d.cmd.Args, " "), tail(log, 200))
	}
}

// umount is umount(2) for root, and what others have for it.
func (s *stand) umount(lazy bool) error {
	if os.Geteuid() == 0 {
		flags := 0
		if lazy {
			flags = unix.MNT_DETACH
		}
		return unix.Unmount(s.mnt, flags)
	}
	args := []string{"-u", s.mnt}
	if lazy {
		args = []string{"-u", "-z", s.mnt}
	}
	return exec.Command("fusermount3", args...).Run()
}

// tellsNoSecret looks for the secret where other users can see it.
func (s *stand) tellsNoSecret(d *daemon) {
	for _, name := range []string{fmt.Sprintf("/proc/%d/cmdline", d.cmd.Process.Pid), "/proc/self/mountinfo"} {
		text, err := os.ReadFile(name)
		if err != nil {
			s.t.Error(err)
		}
		if bytes.Contains(text, []byte(canary)) {
			s.t.Errorf("the secret key is in %s", name)
		}
	}
}

// keepers returns the processes that keep the mount of a daemon that may be killed.
func (s *stand) keepers() (pids []int) {
	s.t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, name := range names {
		text, _ := os.ReadFile(name) // it may have ended
		if string(text) != "zs3fs-keeper\x00"+s.mnt+"\x00" {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err != nil {
			s.t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
}

func mounted(t testing.TB, dir string) bool {
	found, err := mountinfo.GetMounts(mountinfo.SingleEntryFilter(dir))
	if err != nil {
		t.Error(err)
	}
	return len(found) > 0
}

// tail returns the last n lines.
func tail(s string, n int) string {
	lines := strings.SplitAfter(s, "\n")
	return strings.Join(lines[max(len(lines)-n, 0):], "")
}

// proc reads a field of /proc/PID/status in KiB, such as VmHWM.
func (d *daemon) proc(field string) int64 {
	d.t.Helper()
	n, err := strconv.ParseInt(strings.TrimSuffix(statusField(d.cmd.Process.Pid, field), " kB"), 10, 64)
	if err != nil {
		d.t.Fatalf("%s: %v", field, err)
	}
	return n
}

// statusField returns a field of /proc/PID/status; empty when the process is gone.
func statusField(pid int, field string) string {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}

// fds returns the number of the daemon's open files.
func (d *daemon) fds() int {
	d.t.Helper()
	names, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(d.cmd.Process.Pid), "fd"))
	if err != nil {
		d.t.Fatal(err)
	}
	return len(names)
}

// eventually waits until ok holds. It asks again every few milliseconds, because
// what another process does sends no event.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("did not come to pass: %s", what)
		}
	}
}
