package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// daemonVariable tells the child which descriptor is its link to the parent.
const daemonVariable = "ZS3FS_DAEMON_FD"

// report is the child's one message: mounted, or why not.
type report struct {
	Code    Code
	Message string
}

// daemonize starts this program again as the daemon and returns when it has
// mounted or failed. The child stays in this process group until it has mounted:
// autofs lets only the group through to a mount point that waits for its mount.
// Its arguments go over a socket, because -o env.NAME=value may be a secret and
// /proc/PID/cmdline is open to everybody; argv is only what ps should show.
func daemonize(o *Options, args []string) error {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fail(Internal, "socketpair: %v", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "child"), os.NewFile(uintptr(fds[1]), "parent")
	defer ours.Close()
	output, err := memoryFile()
	if err != nil {
		return fail(Internal, "memfd_create: %v", err)
	}
	defer output.Close()
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{"zs3fs", "mount", o.Source.String(), o.Dir}
	cmd.Env = append(os.Environ(), daemonVariable+"=3")
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.Stderr = output
	// The daemon outlives whoever holds what we inherited: it would keep a lock of
	// the caller's script, or a pipe whose end somebody waits for.
	closeOnExec()
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		return fail(Internal, "cannot start the daemon: %v", err)
	}
	answers := make(chan error, 1)
	go func() { answers <- askChild(ours, args, output) }()
	return awaitChild(cmd.Process, answers, o)
}

// closeOnExec lets no child have what this process has open. Kernels before 5.11
// cannot.
func closeOnExec() { _ = unix.CloseRange(3, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC) }

// awaitChild waits for the child's report, passes signals on, and ends a child
// that is late.
func awaitChild(child *os.Process, answers <-chan error, o *Options) error {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM)
	defer signal.Stop(signals)
	// The child keeps the time itself; this is for one that cannot.
	late := time.NewTimer(o.Mount.Timeout + 5*time.Second)
	defer late.Stop()
	for {
		select {
		case err := <-answers:
			if err != nil {
				_, _ = child.Wait()
				_ = detachDead(o.Dir)
			}
			return err
		case sig := <-signals:
			_ = child.Signal(sig)
			late.Reset(2 * time.Second)
		case <-late.C:
			_ = child.Kill()
			_, _ = child.Wait()
			_ = detachDead(o.Dir)
			return fail(MountTimeout, "the mount was not ready within %v (--mount-timeout)", o.Mount.Timeout)
		}
	}
}

// askChild sends the arguments and returns the child's answer. In bytes, as a prefix or
// a path need not be UTF-8, which JSON's strings must be.
func askChild(link *os.File, args []string, output *os.File) error {
	list := make([][]byte, len(args))
	for i, arg := range args {
		list[i] = []byte(arg)
	}
	if err := json.NewEncoder(link).Encode(list); err != nil {
		return fail(Internal, "cannot reach the daemon: %v", err)
	}
	var r report
	if err := json.NewDecoder(link).Decode(&r); err != nil {
		return fail(Internal, "the daemon ended without a report%s", firstLine(output))
	}
	switch r.Code {
	case OK:
		return nil
	case MountRefused: // fusermount3 has written why
		return fail(r.Code, "%s%s", r.Message, firstLine(output))
	}
	return fail(r.Code, "%s", r.Message)
}

// firstLine is the beginning of what a dying child wrote.
func firstLine(f *os.File) string {
	text := make([]byte, 512)
	n, _ := f.ReadAt(text, 0)
	line, _, _ := strings.Cut(string(text[:n]), "\n")
	if line == "" {
		return ""
	}
	return ": " + line
}

// memoryFile keeps the child's standard error until it is ready: a panic's trace
// would otherwise be lost, and a pipe would need a reader.
func memoryFile() (*os.File, error) {
	fd, err := unix.MemfdCreate("zs3fs-stderr", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "stderr"), nil
}

// parentLink is the child's end.
type parentLink struct {
	socket *os.File
	sent   bool
}

// inheritParent returns the link, or nil in a process that is no daemon.
func inheritParent() *parentLink {
	fd, err := strconv.Atoi(os.Getenv(daemonVariable))
	if err != nil {
		return nil
	}
	_ = os.Unsetenv(daemonVariable)
	unix.CloseOnExec(fd)
	return &parentLink{socket: os.NewFile(uintptr(fd), "parent")}
}

// nameProcess is what ps, top, pgrep and killall call this process, which was started as
// /proc/self/exe and would be called exe. The first thread's name is the process's, and
// any thread may write it.
func nameProcess(name string) { _ = os.WriteFile("/proc/self/comm", []byte(name), 0) }

// run is the daemon's process.
func (p *parentLink) run() Code {
	nameProcess("zs3fs")
	var list [][]byte
	// A decoder would read ahead; there is nothing behind the list.
	if err := json.NewDecoder(p.socket).Decode(&list); err != nil {
		if !errors.Is(err, io.EOF) {
			fmt.Fprintln(os.Stderr, "zs3fs: not started by zs3fs:", err)
		}
		return Internal
	}
	args := make([]string, len(list))
	for i, arg := range list {
		args[i] = string(arg)
	}
	err := execute(args, p)
	p.send(err)
	return codeOf(err)
}

// ready tells the parent that the mount stands, and leaves its session.
func (p *parentLink) ready() {
	if p == nil {
		return
	}
	p.send(nil)
	_, _ = unix.Setsid()
	_ = os.Chdir("/")
	if null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0); err == nil {
		_ = unix.Dup3(int(null.Fd()), 2, 0)
		null.Close()
	}
}

// send is the report; only the first one counts.
func (p *parentLink) send(err error) {
	if p.sent {
		return
	}
	p.sent = true
	r := report{Code: codeOf(err)}
	if err != nil {
		r.Message = oneLine(err)
	}
	_ = json.NewEncoder(p.socket).Encode(r)
	p.socket.Close()
}

// ignoreSignals: a terminal that closes or a log that nobody reads must not end
// a mount.
func ignoreSignals() { signal.Ignore(syscall.SIGPIPE, syscall.SIGHUP) }
