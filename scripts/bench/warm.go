package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
)

// warmRounds is how often the two sides of a pair take turns: their ratio is to say
// something on a machine whose speed changes from second to second.
const warmRounds = 7

// pair is one pattern of reading a cached file, through the mount and directly.
type pair struct {
	name, what string
	job        job
}

func pairs() []pair {
	return []pair{
		{"seq 1M", "sequentially, 1 MiB reads", job{Mode: "seq", Width: 1, Size: 1 << 20}},
		{"seq 128K", "sequentially, 128 KiB reads", job{Mode: "seq", Width: 1, Size: 128 << 10}},
		{"rand 4K", "at random, 4 KiB reads, one thread", job{Mode: "random", Width: 1, Size: 4 << 10, Count: 400_000}},
		{"rand 4K x16", "the same with 16 threads, a handle each", job{Mode: "random", Width: 16, Size: 4 << 10, Count: 25_000}},
	}
}

// warm reads a wholly cached file, after a remount, through the mount and from the
// cache's disk in turn.
func (r *runner) warm(ctx context.Context) error {
	if len(r.tools) == 0 || r.tools[0].name != zs3fsName {
		return errors.New("-warm-only is about zs3fs")
	}
	zs3fs, p := r.tools[0], profiles()[0]
	at := place{url: r.server.url(p), ca: r.server.ca, mnt: filepath.Join(r.dir, "mnt"), cache: filepath.Join(r.dir, "cache"),
		home: filepath.Join(r.dir, "home"), options: r.options}
	d, err := mount(zs3fs, at)
	if err != nil {
		return err
	}
	if err := errors.Join(r.prepare(ctx, pattern{before: sequential}, at), d.umount()); err != nil {
		return err
	}
	cached, err := cachedFile(at.cache, r.size)
	if err != nil {
		return err
	}
	if d, err = mount(zs3fs, at); err != nil {
		return err
	}
	total, err := r.pairs(ctx, filepath.Join(at.mnt, "big"), cached)
	if err = errors.Join(err, d.umount()); err != nil {
		return err
	}
	fmt.Printf("READ requests that reached the daemon: %s; GETs: %d\n", d.stat("Reads"), total.Gets)
	return nil
}

// pairs measures all pairs, and returns what they cost the server.
func (r *runner) pairs(ctx context.Context, mounted, native string) (Counts, error) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "warm\tmount MB/s\tcached file MB/s\tratio\tmount reads/s\tcached file reads/s\t")
	if err := r.server.reset(); err != nil {
		return Counts{}, err
	}
	for _, p := range pairs() {
		if err := p.measure(ctx, w, mounted, native); err != nil {
			return Counts{}, err
		}
	}
	if err := w.Flush(); err != nil {
		return Counts{}, err
	}
	return r.server.counts()
}

// measure prints the medians of both sides, and of their ratio.
func (p pair) measure(ctx context.Context, w *tabwriter.Writer, mounted, native string) error {
	var speeds [2][]float64
	var ratios []float64
	for range warmRounds {
		var round [2]float64
		for i, path := range []string{mounted, native} {
			j := p.job
			j.Paths = slices.Repeat([]string{path}, j.Width)
			o, err := runJobs(ctx, []job{j})
			if err != nil {
				return fmt.Errorf("%s of %s: %w", p.name, path, err)
			}
			round[i] = float64(o.Bytes) / o.Seconds
			speeds[i] = append(speeds[i], round[i])
		}
		ratios = append(ratios, round[0]/round[1])
	}
	m, n, ratio := middle(speeds[0]), middle(speeds[1]), middle(ratios)
	fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.2f\t%.0f\t%.0f\t\n", p.name, m/1e6, n/1e6, ratio,
		m/float64(p.job.Size), n/float64(p.job.Size))
	return nil
}

func middle(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}

// cachedFile finds the data of the object of that size.
func cachedFile(cache string, size int64) (found string, err error) {
	err = filepath.WalkDir(cache, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || strings.HasSuffix(path, ".map") {
			return err
		}
		if info, err := e.Info(); err == nil && info.Size() == size {
			found = path
		}
		return nil
	})
	if err == nil && found == "" {
		err = fmt.Errorf("no cached file of %d bytes below %s", size, cache)
	}
	return found, err
}
