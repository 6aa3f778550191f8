package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

const (
	// patience is how long anything may take that is expected to happen.
	patience  = 60 * time.Second
	accessKey = "AKIDZS3FSPROGRAM"
	// canary must show nowhere.
	canary = "canary/CANARY+canary/CANARY+canary/CANARY"
)

// binary is the program under test; set once, before any test.
var binary string

func TestMain(m *testing.M) { goleak.VerifyTestMain(suite{m}) }

type suite struct{ m *testing.M }

func (s suite) Run() int {
	dir, err := os.MkdirTemp("", "zs3fs-program-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "zs3fs")
	cmd := exec.Command("go", "build", "-o", binary, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	return s.m.Run()
}

// stand is a bucket with a server, a cache and a mount point.
type stand struct {
	t      *testing.T
	mem    *s3test.Mem
	server *s3test.Server
	dir    string
	cache  string
	mnt    string
	env    []string
}

func newStand(t *testing.T) *stand {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := &stand{t: t, mem: s3test.NewMem(), dir: dir, cache: filepath.Join(dir, "cache"), mnt: filepath.Join(dir, "mnt")}
	if err := os.Mkdir(s.mnt, 0o755); err != nil {
		t.Fatal(err)
	}
	s.server, err = s3test.NewServer(s.mem, s3test.ServerConfig{AccessKey: accessKey, SecretKey: canary})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.server.Close)
	s.mem.Put("file", s3test.Coded(1, 1, 3<<20+5))
	s.mem.Put("dir/small", s3test.Bytes([]byte("small\n")))
	s.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "ZS3FS_RUNTIME_DIR=" + filepath.Join(dir, "run"),
		"AWS_ACCESS_KEY_ID=" + accessKey, "AWS_SECRET_ACCESS_KEY=" + canary, "AWS_EC2_METADATA_DISABLED=true",
	}
	t.Cleanup(s.leaveNothing)
	return s
}

// leaveNothing checks, and sees to it, that nothing stays mounted; and waits for
// daemons, which write to the cache after umount has returned.
func (s *stand) leaveNothing() {
	for s.mounted() {
		s.t.Errorf("%s is still mounted", s.mnt)
		if err := unix.Unmount(s.mnt, unix.MNT_DETACH); err != nil {
			s.t.Errorf("umount: %v", err)
			return
		}
	}
	eventually(s.t, "the daemons end", func() bool { return len(s.daemons())+len(s.keepers()) == 0 })
}

func (s *stand) mounted() bool {
	s.t.Helper()
	top, err := mountAt(s.mnt)
	if err != nil {
		s.t.Fatal(err)
	}
	return top != nil
}

// options name the server and the cache.
func (s *stand) options() []string {
	return []string{"--endpoint-url", s.server.URL(), "--cache-dir", s.cache}
}

func (s *stand) mountArgs(more ...string) []string {
	args := append([]string{"mount"}, s.options()...)
	return append(append(args, more...), "s3://"+s.server.Bucket(), s.mnt)
}

// outcome of a program that has ended.
type outcome struct {
	code           Code
	stdout, stderr string
}

// run runs the program to its end.
func (s *stand) run(args ...string) outcome {
	s.t.Helper()
	return s.runAs(binary, args...)
}

func (s *stand) runAs(program string, args ...string) outcome {
	s.t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env, cmd.Dir = s.env, s.dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	return outcome{Code(cmd.ProcessState.ExitCode()), out.String(), errs.String()}
}

// must is a run that ends well and says nothing.
func (s *stand) must(args ...string) {
	s.t.Helper()
	if o := s.run(args...); o.code != OK || o.stderr != "" {
		s.t.Fatalf("zs3fs %s: code %d, %s", strings.Join(args, " "), o.code, o.stderr)
	}
}

// process is the program in the foreground.
type process struct {
	s    *stand
	cmd  *exec.Cmd
	log  string
	done chan struct{}
}

// foreground mounts with -f and returns when mounted.
func (s *stand) foreground(more ...string) *process {
	s.t.Helper()
	log, err := os.CreateTemp(s.dir, "stderr-")
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	p := &process{s: s, cmd: exec.Command(binary, s.mountArgs(append([]string{"-f"}, more...)...)...), log: log.Name(), done: make(chan struct{})}
	p.cmd.Env, p.cmd.Dir, p.cmd.Stderr = s.env, s.dir, log
	if err := p.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	s.t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.done
		if s.t.Failed() {
			s.t.Logf("log:\n%s", p.logged())
		}
		eventually(s.t, "the keeper ends", func() bool { return len(s.keepers()) == 0 })
		if err := detachDead(s.mnt); err != nil {
			s.t.Errorf("detach: %v", err)
		}
	})
	eventually(s.t, "mounted", func() bool {
		select {
		case <-p.done:
			s.t.Fatalf("zs3fs ended: %s", p.logged())
		default:
		}
		// The table alone may show what a killed daemon has left; and the keeper
		// knows of the mount a little later.
		return strings.Contains(p.logged(), "msg=mounted")
	})
	return p
}

func (p *process) signal(sig syscall.Signal) {
	p.s.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.s.t.Fatal(err)
	}
}

// wait returns the exit code.
func (p *process) wait() Code {
	p.s.t.Helper()
	select {
	case <-p.done:
		return Code(p.cmd.ProcessState.ExitCode())
	case <-time.After(patience):
		p.s.t.Fatal("zs3fs did not end")
		return -1
	}
}

func (p *process) logged() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		p.s.t.Fatal(err)
	}
	return string(text)
}

// readFile reads the coded file of the mount, and checks it.
func (s *stand) readFile() {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(s.mnt, "file"))
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s3test.CheckCoded(data, 0, 1, 1); err != nil || len(data) != 3<<20+5 {
		s.t.Fatalf("%d bytes: %v", len(data), err)
	}
}

// daemons returns the processes that have the mount point as an argument, but for
// keepers.
func (s *stand) daemons() []string {
	s.t.Helper()
	return s.processes(func(args []byte) bool {
		return bytes.Contains(args, []byte(s.mnt)) && !bytes.HasPrefix(args, []byte(keeperName))
	})
}

// keepers returns the keepers of the mount point.
func (s *stand) keepers() []string {
	s.t.Helper()
	want := []byte(keeperName + "\x00" + s.mnt + "\x00")
	return s.processes(func(args []byte) bool { return bytes.Equal(args, want) })
}

func (s *stand) processes(match func(args []byte) bool) (pids []string) {
	s.t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, name := range names {
		text, _ := os.ReadFile(name) // it may have ended
		if match(text) {
			pids = append(pids, filepath.Base(filepath.Dir(name)))
		}
	}
	return pids
}

// eventually waits until ok holds. What another process does sends no event.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("did not come to pass: %s", what)
		}
	}
}

// needRoot: mounting without fusermount3, name spaces and /sbin belong to root.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
}
