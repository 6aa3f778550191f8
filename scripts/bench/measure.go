package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// result is one measured run.
type result struct {
	outcome
	gets, asked   int
	fetched, peak int64
	cpu           time.Duration
}

func (r result) speed() float64 { return float64(r.Bytes) / r.Seconds }

// measure mounts with an empty cache, runs the row's readers and looks at the
// daemon and at the server's log.
func measure(s settings, b *bucket, r row) (res result, err error) {
	dir, err := os.MkdirTemp("", "zs3fs-bench-")
	if err != nil {
		return res, err
	}
	defer os.RemoveAll(dir)
	cache := filepath.Join(dir, "cache")
	if s.cache != "" {
		cache = filepath.Join(s.cache, filepath.Base(dir))
		defer os.RemoveAll(cache)
	}
	if r.warm {
		if _, err := pass(s, b, r, filepath.Join(dir, "mnt"), cache); err != nil {
			return res, err
		}
	}
	return pass(s, b, r, filepath.Join(dir, "mnt"), cache)
}

func pass(s settings, b *bucket, r row, mnt, cache string) (res result, err error) {
	d, err := mount(s, b, r, mnt, cache)
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, d.umount()) }()
	if _, err := os.ReadDir(filepath.Join(mnt, "small")); err != nil { // so that the files are listed, as with any shell
		return res, err
	}
	b.Reset()
	before := d.cpu()
	if res.outcome, err = readers(r.jobs(b, mnt)); err != nil {
		return res, err
	}
	res.cpu = d.cpu() - before
	res.peak = d.peak()
	b.count(&res)
	return res, nil
}

// readers runs a process a job, all at once. The time is that of the slowest.
func readers(jobs []job) (outcome, error) {
	var (
		wg   sync.WaitGroup
		all  = make([]outcome, len(jobs))
		errs = make([]error, len(jobs))
		sum  outcome
	)
	for i, j := range jobs {
		wg.Go(func() { all[i], errs[i] = reader(j) })
	}
	wg.Wait()
	for _, o := range all {
		sum.Bytes += o.Bytes
		sum.Seconds = max(sum.Seconds, o.Seconds)
		sum.P50, sum.P9 = max(sum.P50, o.P50), max(sum.P9, o.P9)
	}
	return sum, errors.Join(errs...)
}

func reader(j job) (o outcome, err error) {
	arg, err := json.Marshal(j)
	if err != nil {
		return o, err
	}
	self, err := os.Executable()
	if err != nil {
		return o, err
	}
	cmd := exec.Command(self, "read", string(arg))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return o, fmt.Errorf("reader: %w", err)
	}
	return o, json.Unmarshal(out, &o)
}

// daemon is a running mount.
type daemon struct {
	cmd *exec.Cmd
	mnt string
	log bytes.Buffer // to be looked at after umount
}

// stat returns one of the counts that a daemon logs at its end.
func (d *daemon) stat(name string) string {
	_, rest, _ := strings.Cut(d.log.String(), " "+name+":")
	n := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if n <= 0 {
		return "unknown"
	}
	return rest[:n]
}

func mount(s settings, b *bucket, r row, mnt, cache string) (*daemon, error) {
	if err := os.MkdirAll(mnt, 0o700); err != nil {
		return nil, err
	}
	options := []string{"cache_dir=" + cache, "cache_size=20GiB", "region=us-east-1", "endpoint_url=" + b.URL()}
	for _, o := range []string{r.options, s.options} {
		if o != "" {
			options = append(options, o)
		}
	}
	cmd := exec.Command(s.bin, "mount", "-f", "s3://bench", mnt, "-o", strings.Join(options, ","))
	cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=bench", "AWS_SECRET_ACCESS_KEY=bench")
	d := &daemon{cmd: cmd, mnt: mnt}
	cmd.Stderr = io.MultiWriter(os.Stderr, &d.log)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if mounted, err := mountinfo.Mounted(mnt); err == nil && mounted {
			return d, nil
		}
	}
	return nil, errors.Join(errors.New("not mounted after 30 s"), cmd.Process.Kill(), cmd.Wait())
}

func (d *daemon) umount() error {
	return errors.Join(d.cmd.Process.Signal(syscall.SIGTERM), d.cmd.Wait())
}

// cpu returns the user and system time so far; fields 14 and 15 of proc(5)'s
// stat, in the kernel's ticks of 10 ms, counted behind the command's name.
func (d *daemon) cpu() time.Duration {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", d.cmd.Process.Pid))
	_, rest, _ := strings.Cut(string(text), ") ")
	var ticks int64
	for _, f := range strings.Fields(rest)[11:13] {
		n, _ := strconv.ParseInt(f, 10, 64)
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// peak returns the largest resident size so far, in bytes.
func (d *daemon) peak() int64 {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", d.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if v, ok := strings.CutPrefix(sc.Text(), "VmHWM:"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(v)[0], 10, 64)
			return kb << 10
		}
	}
	return 0
}

// touchMemory uses half of the free memory once and gives it back.
func touchMemory() error {
	var si unix.Sysinfo_t
	if err := unix.Sysinfo(&si); err != nil {
		return err
	}
	n := int(si.Freeram*uint64(si.Unit)) / 2
	m, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_POPULATE)
	if err != nil {
		return err
	}
	return unix.Munmap(m)
}
