package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// walk is what a program of everybody's asks of names; its pattern reads no file.
type walk struct {
	args   func(mnt string) []string // the program and its arguments
	lines  int                       // that it prints
	bare   string                    // the directory whose bare pages are measured beside
	again  bool                      // it is run once more
	inodes bool                      // the kernel comes to hold all
}

// walkPatience is that of patterns which other mounts take a minute for.
const walkPatience = 3 * time.Minute

// pass is a further run of a walk.
type pass struct {
	Seconds  float64
	Requests int
}

// walked measures a tool that has seen nothing of the names before.
func (r *runner) walked(ctx context.Context, p profile, pat pattern, name, dir string) (s sample, err error) {
	if r.namesServer == nil {
		if r.namesServer, err = startNames(filepath.Join(r.dir, "names-ca.pem")); err != nil {
			return s, err
		}
	}
	srv := r.namesServer
	if err := srv.shape(p, false); err != nil {
		return s, err
	}
	if name == bareName {
		return r.pages(ctx, p, pat.walk.bare)
	}
	for _, t := range r.tools {
		if t.name != name {
			continue
		}
		at := place{url: srv.url(p), ca: srv.ca, mnt: filepath.Join(dir, "mnt"), cache: filepath.Join(dir, "cache"),
			home: filepath.Join(dir, "home"), walks: true}
		if name == zs3fsName {
			at.options = joined(pat.options, r.options)
		}
		d, err := mount(t, at)
		if err != nil {
			return s, err
		}
		s, err = pat.walk.measure(ctx, srv, d)
		return s, errors.Join(err, d.umount())
	}
	return s, fmt.Errorf("no tool %q", name)
}

func (w *walk) measure(ctx context.Context, srv *server, d *daemon) (s sample, err error) {
	if _, err := srv.settled(); err != nil { // what mounting asked for is not counted
		return s, err
	}
	before := d.cpu()
	if s.outcome, s.Counts, err = w.run(ctx, srv, d.mnt); err != nil {
		return s, err
	}
	s.cpu = d.cpu() - before
	if w.again {
		o, c, err := w.run(ctx, srv, d.mnt)
		if err != nil {
			return s, err
		}
		s.again = &pass{o.Seconds, c.requests()}
	}
	s.peak = d.peak()
	return s, nil
}

// run runs the program once.
func (w *walk) run(ctx context.Context, srv *server, mnt string) (o outcome, c Counts, err error) {
	if err := srv.reset(); err != nil {
		return o, c, err
	}
	args := w.args(mnt)
	var out lineCounter
	var complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(cmd.Environ(), "LC_ALL=C", "TZ=UTC")
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &complaint, time.Second
	start := time.Now()
	if err := cmd.Run(); err != nil {
		line, _, _ := strings.Cut(complaint.String(), "\n")
		c, _ = srv.counts() // best effort, beside the error
		return o, c, fmt.Errorf("%s: %w after %d LISTs, %d HEADs and %d lines: %s", args[0], err, c.Lists, c.Heads, out, line)
	}
	o = outcome{Ops: int(out), Seconds: time.Since(start).Seconds()}
	o.P50 = 1000 * o.Seconds
	if o.Ops != w.lines {
		return o, c, fmt.Errorf("%s printed %d lines, want %d", args[0], o.Ops, w.lines)
	}
	c, err = srv.settled()
	return o, c, err
}

// lineCounter counts the lines that are written to it.
type lineCounter int

func (c *lineCounter) Write(p []byte) (int, error) {
	*c += lineCounter(bytes.Count(p, []byte("\n")))
	return len(p), nil
}
