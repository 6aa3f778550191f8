package main

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
)

// mounted measures a tool with an empty cache, but for what the pattern reads before.
func (r *runner) mounted(ctx context.Context, p profile, pat pattern, t tool, dir string) (s sample, err error) {
	at := place{url: r.server.url(p), ca: r.server.ca, mnt: filepath.Join(dir, "mnt"), cache: filepath.Join(dir, "cache"),
		home: filepath.Join(dir, "home"), size: r.data.size}
	if t.name == zs3fsName {
		at.options = joined(pat.options, r.options)
	}
	d, err := mount(t, at)
	if err != nil {
		return s, err
	}
	defer func() {
		if d != nil { // a second mount may have failed
			err = errors.Join(err, d.umount())
		}
	}()
	if pat.before != nil {
		if err := r.prepare(ctx, pat, at); err != nil {
			return s, err
		}
	}
	if pat.remount {
		if err := d.umount(); err != nil {
			return s, err
		}
		if d, err = mount(t, at); err != nil {
			return s, err
		}
	}
	return r.measured(ctx, p, pat, d, at)
}

// prepare reads twice: what a cache's disk had no time for is fetched again.
func (r *runner) prepare(ctx context.Context, pat pattern, at place) error {
	for range 2 {
		if _, err := runJobs(ctx, mountedJobs(pat.before(r.data), at.mnt)); err != nil {
			return err
		}
	}
	return nil
}

func (r *runner) measured(ctx context.Context, p profile, pat pattern, d *daemon, at place) (s sample, err error) {
	// So that the files are listed, as with any shell.
	for _, dir := range []string{at.mnt, filepath.Join(at.mnt, "small")} {
		if _, err := os.ReadDir(dir); err != nil {
			return s, err
		}
	}
	if err := errors.Join(r.server.shape(p, pat.faults), r.server.reset()); err != nil {
		return s, err
	}
	before := d.cpu()
	if pat.table != "" {
		s.outcome, err = r.data.tables[pat.table].ask(ctx, filepath.Join(at.mnt, pat.table))
	} else {
		s.outcome, err = runJobs(ctx, mountedJobs(pat.jobs(r.data), at.mnt))
	}
	if err != nil {
		return s, err
	}
	if s.Counts, err = r.server.counts(); err != nil {
		return s, err
	}
	// Behind the counts: what was fetched too much, and is written late, has its price too.
	s.cpu, s.peak = d.settled()-before, d.peak()
	if pat.faults {
		return s, r.right(s)
	}
	return s, nil
}

// mountedJobs are the jobs with paths below the mount for keys.
func mountedJobs(jobs []job, mnt string) []job {
	for i := range jobs {
		paths := make([]string, len(jobs[i].Paths))
		for n, key := range jobs[i].Paths {
			paths[n] = filepath.Join(mnt, key)
		}
		jobs[i].Paths = paths
	}
	return jobs
}

// right compares what a reader read of the large object.
func (r *runner) right(s sample) error {
	if s.outcome.Bytes < r.data.size {
		return fmt.Errorf("%d bytes of %d", s.outcome.Bytes, r.data.size)
	}
	f, err := os.Open(r.data.file)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := crc32.New(castagnoli())
	if _, err := io.CopyN(sum, f, r.data.size); err != nil {
		return err
	}
	if sum.Sum32() != s.Sum {
		return errors.New("wrong bytes")
	}
	return nil
}
