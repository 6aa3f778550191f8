package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// daemon is a running mount.
type daemon struct {
	cmd  *exec.Cmd
	mnt  string
	log  bytes.Buffer // to be looked at after umount
	done chan error   // the process's end
}

// mount starts the tool and waits until it has mounted.
func mount(t tool, p place) (*daemon, error) {
	for _, dir := range []string{p.mnt, p.cache, p.home} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	args, env := t.command(p)
	d := &daemon{cmd: exec.Command(t.program, args...), mnt: p.mnt, done: make(chan error, 1)}
	// Nothing of the caller's: proxies, certificates and profiles differ from tool to
	// tool in what they do.
	d.cmd.Env = append(env, "PATH="+os.Getenv("PATH"), "HOME="+p.home, "TMPDIR="+p.home)
	d.cmd.Stdout, d.cmd.Stderr = &d.log, &d.log
	if err := d.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { d.done <- d.cmd.Wait() }()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if mounted, err := mountinfo.Mounted(p.mnt); err == nil && mounted {
			return d, nil
		}
		select {
		case err := <-d.done:
			return nil, fmt.Errorf("%s ended (%v): %s", t.name, err, d.lastLine())
		default:
		}
	}
	return nil, errors.Join(fmt.Errorf("%s: not mounted after 30 s", t.name), d.kill())
}

// umount ends the tool as its own users would, and by force where that does not help.
func (d *daemon) umount() error {
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-d.done:
		// Some leave the mount behind; then this process takes it away.
		_ = unix.Unmount(d.mnt, unix.MNT_DETACH)
		return nil
	case <-time.After(15 * time.Second):
		return errors.Join(errors.New("did not end within 15 s of SIGTERM"), d.kill())
	}
}

func (d *daemon) kill() error {
	_ = unix.Unmount(d.mnt, unix.MNT_DETACH) // it may not be mounted
	err := d.cmd.Process.Kill()
	<-d.done
	return err
}

// stat returns one of the counts that zs3fs logs at its end.
func (d *daemon) stat(name string) string {
	_, rest, _ := strings.Cut(d.log.String(), " "+name+":")
	n := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if n <= 0 {
		return "unknown"
	}
	return rest[:n]
}

func (d *daemon) lastLine() string {
	lines := strings.Split(strings.TrimSpace(d.log.String()), "\n")
	return lines[len(lines)-1]
}

// cpu returns the user and system time so far; fields 14 and 15 of proc(5)'s
// stat, in the kernel's ticks of 10 ms, counted behind the command's name.
func (d *daemon) cpu() time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", d.cmd.Process.Pid))
	_, rest, ok := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if err != nil || !ok || len(fields) < 13 {
		return 0
	}
	var ticks int64
	for _, f := range fields[11:13] {
		n, _ := strconv.ParseInt(f, 10, 64) // the kernel writes numbers
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// settled returns cpu as soon as it has not grown for 200 ms, or after 5 s: a cache's disk
// is written to when the reader has long ended, and no tool tells when that is over.
func (d *daemon) settled() time.Duration {
	used, since := d.cpu(), time.Now()
	for limit := since.Add(5 * time.Second); time.Since(since) < 200*time.Millisecond && time.Now().Before(limit); {
		time.Sleep(20 * time.Millisecond)
		if now := d.cpu(); now != used {
			used, since = now, time.Now()
		}
	}
	return used
}

// peak returns the largest resident size so far, in bytes.
func (d *daemon) peak() int64 { return peakOf(d.cmd.Process.Pid) }

func peakOf(pid int) int64 {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if v, ok := strings.CutPrefix(sc.Text(), "VmHWM:"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(v)[0], 10, 64) // the kernel writes numbers
			return kb << 10
		}
	}
	return 0
}
