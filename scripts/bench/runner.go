package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// patience is how long a run may take before it counts as failed.
const patience = 45 * time.Second

// tedious runs are made once, but by zs3fs and the bare clients where files are read.
const tedious = 6 * time.Second

// runner measures.
type runner struct {
	settings
	server  *server
	data    *dataset
	tools   []tool
	results *results
	filler  *filler // nil leaves the memory alone
	// The bucket of names, started when it is first needed, and the bare pages of its
	// directories.
	namesServer *server
	bares       map[key]sample
	dir         string   // temporary, on the cache's file system
	files       *scratch // directory of what the server sends
	runs        int      // so far, which number the directories
}

// group measures patterns, their rounds in turn.
func (r *runner) group(ctx context.Context, p profile, pats []pattern) error {
	for round := range r.rounds {
		for _, pat := range pats {
			if r.round(ctx, p, pat, round); ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	return nil
}

// round measures one pattern once, the tools in turn.
func (r *runner) round(ctx context.Context, p profile, pat pattern, round int) {
	if pat.once && round > 0 {
		return
	}
	for _, name := range r.names(pat) {
		m := r.results.at(key{p.Name, pat.name, name})
		if m.err != nil || round > 0 && (peer(name) || name == naiveName || pat.walk != nil) && m.worst().Seconds > tedious.Seconds() {
			continue
		}
		s, err := r.sample(ctx, p, pat, name)
		if m.err = err; err == nil {
			m.add(s, pat.latency)
		}
		fmt.Fprintf(os.Stderr, "%s %s %s: %s\n", p.Name, pat.name, name, r.told(s, err, pat.latency))
	}
}

// told is a line of progress.
func (r *runner) told(s sample, err error, latency bool) string {
	switch {
	case err != nil:
		return err.Error()
	case latency:
		return fmt.Sprintf("p50 %.2f ms", s.P50)
	}
	return fmt.Sprintf("%.0f MB/s", s.speed()/1e6)
}

// names are the tools of a pattern, in their turn.
func (r *runner) names(pat pattern) []string {
	var all []string
	without := []string{bareName, bareWriteName}
	switch {
	case pat.goProgram:
		without = []string{bareName, naiveName, libraryName}
	case pat.walk != nil && pat.walk.bare != "":
		without = []string{bareName}
	case pat.walk != nil || pat.before != nil || pat.faults || len(pat.only) > 0:
		without = nil
	}
	for _, name := range without {
		if r.wants(name) {
			all = append(all, name)
		}
	}
	if pat.goProgram {
		return all
	}
	for _, t := range r.tools {
		if len(pat.only) == 0 && t.name != memoryName || slices.Contains(pat.only, t.name) {
			all = append(all, t.name)
		}
	}
	return all
}

func (r *runner) sample(ctx context.Context, p profile, pat pattern, name string) (sample, error) {
	r.runs++
	dir := filepath.Join(r.dir, fmt.Sprintf("run%d", r.runs))
	defer discard(dir)
	if r.filler != nil {
		if err := r.filler.fill(); err != nil {
			return sample{}, err
		}
	}
	limit := patience
	if pat.walk != nil {
		limit = walkPatience
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if pat.walk != nil {
		return r.walked(ctx, p, pat, name, dir)
	}
	if err := r.server.shape(p, false); err != nil {
		return sample{}, err
	}
	if clients()[name] != nil {
		b := bareJob{As: name}
		if name == bareWriteName {
			b.Dir = dir
		}
		return r.bare(ctx, p, pat, b)
	}
	for _, t := range r.tools {
		if t.name == name {
			return r.mounted(ctx, p, pat, t, dir)
		}
	}
	return sample{}, fmt.Errorf("no tool %q", name)
}

// bare fetches what the first of the pattern's processes reads: a second reader of
// the same needs no second fetch.
func (r *runner) bare(ctx context.Context, p profile, pat pattern, b bareJob) (s sample, err error) {
	b.Job, b.URL = pat.jobs(r.data)[0], r.server.url(p)
	b.Sizes = r.data.sizes(b.Job.Paths)
	if p.TLS {
		b.CA = r.server.ca
	}
	if err := r.server.reset(); err != nil {
		return s, err
	}
	answer, state, err := child(ctx, "bare", b)
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(answer, &s.outcome); err != nil {
		return s, err
	}
	s.cpu = state.UserTime() + state.SystemTime()
	s.peak = s.Peak
	if s.Counts, err = r.server.counts(); err == nil && b.Job.Sum && (b.As == naiveName || b.As == libraryName) {
		err = r.right(s)
	}
	return s, err
}

// newRunner prepares the bucket and starts its server.
func newRunner(ctx context.Context, s settings, dir string) (_ *runner, err error) {
	files, err := newScratch("")
	if err != nil {
		return nil, err
	}
	r := &runner{settings: s, dir: dir, files: files, results: newResults(), bares: make(map[key]sample)}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	if r.tools, err = s.toolsHere(); err != nil {
		return nil, err
	}
	if s.fill {
		if r.filler, err = newFiller(dir); err != nil {
			return nil, err
		}
	}
	if r.data, err = newDataset(files.dir, s.size); err != nil {
		return nil, err
	}
	if s.needsTables() {
		if err := r.data.addTables(ctx, files.dir); err != nil {
			return nil, err
		}
	}
	r.server, err = startServer(r.data.all(), filepath.Join(dir, "ca.pem"))
	return r, err
}

// versions are those of the other tools.
func (r *runner) versions(ctx context.Context) []string {
	var all []string
	for _, t := range r.tools {
		if !peer(t.name) {
			continue
		}
		out, _ := exec.CommandContext(ctx, t.program, t.version).CombinedOutput() // some exit with 1
		line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
		all = append(all, t.name+": "+line)
	}
	return all
}

func (r *runner) close() error {
	var err error
	if r.server != nil {
		err = r.server.close()
	}
	if r.namesServer != nil {
		err = errors.Join(err, r.namesServer.close())
	}
	if r.filler != nil {
		err = errors.Join(err, r.filler.close())
	}
	return errors.Join(err, r.files.close())
}
