package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/dustin/go-humanize"
)

func main() {
	if len(os.Args) > 1 && processes()[os.Args[1]] != nil {
		exit(processes()[os.Args[1]]())
	}
	s, err := parse(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		err = nil
	} else if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		err = run(ctx, s)
		stop()
	}
	exit(err)
}

// processes are what this program runs as besides: a server, readers, clients and a
// mount that share nothing.
func processes() map[string]func() error {
	return map[string]func() error{"read": readMain, "bare": bareMain, "serve": serveMain, "pages": pagesMain, memoryName: memoryMain}
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func run(ctx context.Context, s settings) (err error) {
	dir, err := os.MkdirTemp(s.cache, "zs3fs-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if s.bin == "" {
		if s.bin, err = build(ctx, dir); err != nil {
			return err
		}
	}
	head := []string{header(s)}
	if s.fill {
		head = append(head, "the page cache was full before each run; the tools took turns, and the patterns that are compared with one stream")
	}
	r, err := newRunner(ctx, s, dir)
	if err != nil {
		return err
	}
	head = append(head, r.versions(ctx)...)
	fmt.Println(strings.Join(head, "\n"))
	defer func() { err = errors.Join(err, r.close()) }()
	if s.warmOnly {
		return r.warm(ctx)
	}
	for _, p := range s.networks() {
		for _, group := range inTurns(s.chosen(p)) {
			if err := r.group(ctx, p, group); err != nil {
				return err
			}
		}
	}
	all := r.reports(head)
	for _, rep := range all {
		if err := rep.print(os.Stdout); err != nil {
			return err
		}
	}
	if s.results == "" {
		return nil
	}
	return r.write(all)
}

// build builds what is to be measured: never what a forgotten bin holds.
func build(ctx context.Context, dir string) (string, error) {
	bin := filepath.Join(dir, "zs3fs")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", bin, "./cmd/zs3fs")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w: %s", err, out)
	}
	return bin, nil
}

func header(s settings) string {
	commit, _ := exec.Command("git", "describe", "--always", "--dirty", "--exclude=*").Output() // unknown outside of a clone
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	load, _ := os.ReadFile("/proc/loadavg")
	return fmt.Sprintf("commit %s, Linux %s, %s, %d cores, load %s before; %s object, medians of %d (worst - best)",
		strings.TrimSpace(string(commit)), strings.TrimSpace(string(kernel)), runtime.Version(), runtime.NumCPU(),
		strings.Fields(string(load) + " ?")[0], humanize.IBytes(uint64(s.size)), s.rounds)
}
