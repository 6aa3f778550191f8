package e2e_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
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

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// forever is a request time-out that no test waits for: what must not depend on it
// would take so long.
var forever = []string{"--request-timeout", "1h"}

// TestFaultF66SignalStorm: signals interrupt system calls and never a fetch that
// others share; a reader notices nothing.
func TestFaultF66SignalStorm(t *testing.T) {
	s := newStandWith(t, s3test.ServerConfig{Rate: 8 * mib})
	f, g := s.put("f", 24*mib), s.put("g", 24*mib)
	s.mount("--log-level", "info", "--read-ahead", "0") // every block is waited for
	r := f.job("stormed").start(t)
	// dd is interrupted in the middle of read(2): its handler does not restart calls.
	copied := filepath.Join(s.dir, "copied")
	dd := exec.Command(tool(t, "dd", "coreutils"), "if="+g.path(), "of="+copied, "bs=1M", "iflag=fullblock")
	if err := dd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- dd.Wait() }()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for reading, copying := r.ended, ended; reading != nil || copying != nil; {
		select {
		case <-reading:
			reading = nil
		case err := <-copying:
			if err != nil {
				t.Errorf("dd: %v", err)
			}
			copying = nil
		case <-tick.C:
			// Fails on one that has just ended.
			for _, sig := range []syscall.Signal{unix.SIGALRM, unix.SIGUSR1, unix.SIGURG} {
				if ready(r.cmd.Process.Pid) {
					r.cmd.Process.Signal(sig)
				}
			}
			if ready(dd.Process.Pid) {
				dd.Process.Signal(unix.SIGUSR1)
			}
		}
	}
	if v, err := r.verdict(); err != nil || v.Error != "" || v.SHA256 != f.sha256() {
		t.Errorf("%v %s", err, v.Error)
	}
	text, err := os.ReadFile(copied)
	if err != nil || sum(text) != g.sha256() {
		t.Errorf("dd copied %d bytes, %v", len(text), err)
	}
	fetchedOnce(t, f)
	fetchedOnce(t, g)
}

// TestFaultF66Asked: a program that takes an interrupt itself is not kept from it by a read that
// waits, nor from one that comes after signals which its read goes on under; and it is
// killed after these, too.
func TestFaultF66Asked(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	f := s.put("f", mib)
	d := s.mount("--request-timeout", "1h", "--direct-io", "--debug")
	s.server.Inject(s3test.Fault{Match: s3test.Match{Op: s3test.OpGet}, Do: s3test.StallBefore()})
	for i, signals := range [][]syscall.Signal{
		{unix.SIGINT}, {unix.SIGUSR1, unix.SIGINT}, {unix.SIGUSR1, unix.SIGUSR1, unix.SIGKILL}, {unix.SIGUSR1, unix.SIGTERM},
	} {
		// It has one thread, and handlers that do not restart calls.
		dd := exec.Command(tool(t, "dd", "coreutils"), "if="+f.path(), "of=/dev/null", "bs=64K")
		if err := dd.Start(); err != nil {
			t.Fatal(err)
		}
		// Not for its look at the file, which is over before a signal comes.
		eventually(t, "dd waits for its read", func() bool { return d.reads() == i+1 && waitsForFuse(dd.Process.Pid) })
		told := d.interrupts()
		for n, sig := range signals {
			if n == 1 {
				eventually(t, "the daemon is told of the first", func() bool { return d.interrupts() > told })
			}
			dd.Process.Signal(sig)
		}
		start := time.Now()
		if err := dd.Wait(); err == nil || time.Since(start) > 2*time.Second {
			t.Errorf("after %v: dd ended after %v: %v", signals, time.Since(start), err)
		}
		if n := d.reads(); n != i+1 {
			t.Errorf("after %v: %d reads, want %d: one was ended and made again", signals, n, i+1)
		}
	}
}

// interrupts is how many INTERRUPTs a daemon with --debug has got.
func (d *daemon) interrupts() int { return strings.Count(d.log.String(), ": INTERRUPT ") }

// ready says that a process handles SIGUSR1, and would not be killed by it.
func ready(pid int) bool {
	mask, err := strconv.ParseUint(statusField(pid, "SigCgt"), 16, 64)
	return err == nil && mask&(1<<(uint(unix.SIGUSR1)-1)) != 0
}

// TestFaultF66KillableWhileWaiting: a reader that waits for a server that does not
// answer can be killed.
func TestFaultF66KillableWhileWaiting(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	f := s.put("f", mib)
	s.mount(forever...)
	fault := s.server.Inject(s3test.Fault{Match: s3test.Match{Op: s3test.OpGet}, Do: s3test.StallBefore()})
	var readers []*reader
	for _, mode := range []string{"sequential", "direct", "mmap"} {
		readers = append(readers, f.job(mode).start(t))
	}
	eventually(t, "the server is asked", func() bool { return fault.Hits() > 0 })
	for _, r := range readers {
		eventually(t, "the reader waits in the kernel", func() bool { return waitsForFuse(r.cmd.Process.Pid) })
	}
	for _, r := range readers {
		r.kill() // and waits: the test hangs where it fails
	}
	s.server.ClearFaults()
	f.verify(t)
}

// waitsForFuse says that a thread of the process is in a FUSE request.
func waitsForFuse(pid int) bool {
	threads, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/wchan")
	for _, name := range threads {
		text, err := os.ReadFile(name)
		if err == nil && (strings.Contains(string(text), "request_wait_answer") || strings.Contains(string(text), "folio")) {
			return true
		}
	}
	return false
}

// TestFaultF67ReadersKilled kills readers in mid-read, a thousand, and looks for
// what they may have left.
func TestFaultF67ReadersKilled(t *testing.T) {
	s := newStandWith(t, s3test.ServerConfig{Rate: 64 * mib})
	d := s.mount("--log-level", "info", "--cache-size", "32MiB")
	s.put("warm up", mib).verify(t)
	before := d.fds()
	cat := tool(t, "cat", "coreutils")
	g := new(errgroup.Group)
	for worker := range 4 {
		f := s.put("f"+strconv.Itoa(worker), 512*mib)
		r := rand.New(rand.NewPCG(uint64(worker), 1))
		g.Go(func() error {
			for range soak(t, 250) {
				cmd := exec.Command(cat, f.path())
				if err := cmd.Start(); err != nil {
					return err
				}
				timer := time.NewTimer(time.Duration(r.IntN(20)) * time.Millisecond)
				<-timer.C
				cmd.Process.Kill()
				cmd.Wait() // "signal: killed", always
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "no request goes on", func() bool { return s.server.Open() == 0 })
	// Idle connections and files of the cache stay for a while; handles do not.
	if after := d.fds(); after > before+64 {
		t.Errorf("%d open files before, %d after", before, after)
	}
	if rss := d.proc("VmRSS") / kib; rss > 300 {
		t.Errorf("resident memory is %d MiB", rss)
	}
	s.put("after", 10*mib).verify(t)
}

// TestFaultF68OneOfManyInterrupted: a hundred readers wait for one block; one is
// killed, the others get it, by one request.
func TestFaultF68OneOfManyInterrupted(t *testing.T) {
	s := newStand(t)
	f := s.put("f", 512*kib)
	s.mount("--log-level", "info")
	gate := make(chan struct{})
	var once sync.Once
	open := func() { once.Do(func() { close(gate) }) }
	t.Cleanup(open)
	s.server.Inject(s3test.Fault{Match: s3test.Match{Op: s3test.OpGet}, Do: func(s3test.Request, *s3test.Reply) { <-gate }})
	g := new(errgroup.Group)
	for i := range 99 {
		h := f.open(t, unix.O_DIRECT*(i%2))
		g.Go(func() error { return f.readAt(h, int64(i)*4096, 4096) })
	}
	r := f.job("direct").start(t)
	eventually(t, "the reader waits in the kernel", func() bool { return waitsForFuse(r.cmd.Process.Pid) })
	r.kill()
	open()
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	if n := s.gets("f"); n != 1 {
		t.Errorf("%d GETs, want 1", n)
	}
}

// zs3fs runs a sub-command and returns its exit code and output.
func (s *stand) zs3fs(args ...string) (int, string) {
	s.t.Helper()
	cmd := exec.Command(executable, args...)
	cmd.Env = s.environ()
	out, err := cmd.CombinedOutput()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// TestFaultF71UnmountWhileReading: busy; and detached, what is open reads on and
// the daemon ends with the last handle.
func TestFaultF71UnmountWhileReading(t *testing.T) {
	s := newStand(t)
	f := s.put("f", 4*mib)
	d := s.mount()
	h := f.open(t, 0)
	if err := f.readAt(h, 0, 4096); err != nil {
		t.Fatal(err)
	}
	if err := s.umount(false); err == nil || os.Geteuid() == 0 && !errors.Is(err, unix.EBUSY) {
		t.Errorf("umount: %v, want EBUSY", err)
	}
	if code, out := s.zs3fs("umount", s.mnt); code != 25 || countLines(out) != 1 {
		t.Errorf("zs3fs umount: exit code %d, want 25\n%s", code, out)
	}
	if err := s.umount(true); err != nil {
		t.Fatal(err)
	}
	for off := int64(0); off < f.size; off += mib {
		if err := f.readAt(h, off, 4096); err != nil {
			t.Errorf("read at %d after umount -l: %v", off, err)
		}
	}
	h.Close()
	if code := d.wait(); code != 0 {
		t.Errorf("exit code %d after the last handle was closed", code)
	}
}

// TestFaultF72Signals: idle, a signal unmounts; with open files it waits, detaches
// and ends; a second signal does not wait.
func TestFaultF72Signals(t *testing.T) {
	for _, sig := range []syscall.Signal{unix.SIGTERM, unix.SIGINT} {
		for _, tt := range []struct {
			name  string
			open  bool
			twice bool
			code  int
		}{
			{"idle", false, false, 0},
			{"open file", true, false, 50},
			{"open file, second signal", true, true, 51},
		} {
			t.Run(sig.String()+" "+tt.name, func(t *testing.T) {
				t.Parallel()
				s := newStand(t)
				f := s.put("f", mib)
				wait := "500ms"
				if tt.twice {
					wait = "1h"
				}
				d := s.mount("--unmount-timeout", wait)
				if tt.open {
					h := f.open(t, 0)
					if err := f.readAt(h, 0, 4096); err != nil {
						t.Fatal(err)
					}
				}
				d.killed = true // its exit code is checked here
				d.signal(sig)
				if tt.twice {
					eventually(t, "the daemon has taken notice", func() bool { return strings.Contains(d.log.String(), "signal="+sig.String()) })
					d.signal(sig)
				}
				if code := d.wait(); code != tt.code {
					t.Errorf("exit code %d, want %d", code, tt.code)
				}
				if mounted(t, s.mnt) {
					t.Error("still mounted")
				}
			})
		}
	}
}

// TestFaultF73DaemonKilled: open files get ENOTCONN; the mount point is the plain
// directory again, and the next daemon reads from the cache.
func TestFaultF73DaemonKilled(t *testing.T) {
	s := newStand(t)
	f, d := cachedOnDisk(t, s)
	h := f.open(t, unix.O_DIRECT)
	d.kill()
	eventually(t, "the dead mount is gone", func() bool { return !mounted(t, s.mnt) })
	if names, err := os.ReadDir(s.mnt); err != nil || len(names) > 0 {
		t.Errorf("the directory below: %v, %v", names, err)
	}
	if err := f.readAt(h, 0, 4096); !errors.Is(err, unix.ENOTCONN) {
		t.Errorf("read: %v, want ENOTCONN", err)
	}
	h.Close()
	s.mountsWarm(f)
}

// TestFaultF73KeeperKilled: with its keeper killed as well, all of a daemon's mount is
// ENOTCONN, until the next start clears it away.
func TestFaultF73KeeperKilled(t *testing.T) {
	s := newStand(t)
	f, d := cachedOnDisk(t, s)
	h := f.open(t, unix.O_DIRECT)
	for _, pid := range s.keepers() {
		if err := unix.Kill(pid, unix.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	d.kill()
	// What the kernel has in its caches it may still give.
	for what, err := range map[string]error{
		"open": errOf2(os.Open(f.path())), "stat": errOf2(os.Stat(filepath.Join(s.mnt, "other"))),
		"read": f.readAt(h, 0, 4096), "readdir": errOf2(os.ReadDir(s.mnt)),
	} {
		if !errors.Is(err, unix.ENOTCONN) {
			t.Errorf("%s: %v, want ENOTCONN", what, err)
		}
	}
	h.Close()
	s.mountsWarm(f)
}

// cachedOnDisk is a file that the next daemon need not fetch.
func cachedOnDisk(t *testing.T, s *stand) (file, *daemon) {
	t.Helper()
	f := s.put("f", 8*mib)
	d := s.mount()
	f.verify(t)
	eventually(t, "all is on disk", func() bool { return xattr(t, f.path(), "user.zs3fs.cached") == "8/8 blocks" })
	return f, d
}

// mountsWarm mounts, and reads f without fetching it.
func (s *stand) mountsWarm(f file) {
	s.t.Helper()
	s.server.Reset()
	s.mount()
	f.verify(s.t)
	if n := s.server.BytesSent(); n != 0 {
		s.t.Errorf("%d bytes were fetched again", n)
	}
}

// TestFaultF73KilledWhileNotifying: a daemon that is killed while it has the kernel
// forget a name waits for the directory's lock. Who holds it waits for a lookup that
// nobody answers any more. Its keeper ends that for all of them.
func TestFaultF73KilledWhileNotifying(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root sees what a thread waits for")
	}
	s := newStand(t)
	f := s.put("d/f", mib)
	d := s.mount("--list-ahead=off") // or d/other would not be asked for
	h := f.open(t, 0)
	release := make(chan struct{})
	defer close(release)
	held := s.server.Inject(s3test.Fault{
		Match: s3test.Match{Where: func(r s3test.Request) bool { return strings.HasPrefix(r.Key, "d/other") }},
		Do:    s3test.Hold(release),
	})
	lookup := exec.Command("stat", filepath.Join(s.mnt, "d/other"))
	if err := lookup.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the lookup is under way", func() bool { return held.Hits() > 0 })
	// That it is complete now makes the daemon take back its name.
	if err := f.readAt(h, 0, mib); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the daemon waits for the directory", func() bool {
		names, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/wchan", d.cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(names, func(name string) bool {
			text, _ := os.ReadFile(name) // the thread may have ended
			return strings.Contains(string(text), "fuse_reverse_inval_entry")
		})
	})
	d.kill()
	if err := lookup.Wait(); err == nil {
		t.Error("a file that is not there was found")
	}
	eventually(t, "the mount is gone", func() bool { return !mounted(t, s.mnt) })
	s.mount()
	f.verify(t)
}

// TestStatusOfAStoppedDaemon: a path on its mount is not touched to find the mount, or
// the question would hang in the kernel, where no signal ends it.
func TestStatusOfAStoppedDaemon(t *testing.T) {
	s := newStand(t)
	d := s.mount("--metadata-ttl", "0")
	d.signal(unix.SIGSTOP)
	defer d.signal(unix.SIGCONT)
	codes := make(chan int, 2)
	for _, path := range []string{s.mnt, filepath.Join(s.mnt, "dir")} {
		go func() {
			code, _ := s.zs3fs("status", path)
			codes <- code
		}()
	}
	for range 2 {
		select {
		case code := <-codes:
			if code != 31 { // no control
				t.Errorf("exit code %d, want 31", code)
			}
		case <-time.After(time.Minute):
			t.Fatal("status hangs")
		}
	}
}
