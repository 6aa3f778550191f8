package main

import (
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

var pairs = []pair{
	{"seq 1M", "sequentially, 1 MiB reads", job{Mode: "seq", Width: 1, Size: 1 << 20}},
	{"seq 128K", "sequentially, 128 KiB reads", job{Mode: "seq", Width: 1, Size: 128 << 10}},
	{"rand 4K", "at random, 4 KiB reads, one thread", job{Mode: "random", Width: 1, Size: 4 << 10, Count: 400_000}},
	{"rand 4K x16", "the same with 16 threads, a handle each", job{Mode: "random", Width: 16, Size: 4 << 10, Count: 25_000}},
}

// warm reads a wholly cached file, after a remount, through the mount and from the
// cache's disk in turn.
func warm(s settings, b *bucket) error {
	dir, err := os.MkdirTemp(s.cache, "zs3fs-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	mnt, cache := filepath.Join(dir, "mnt"), filepath.Join(dir, "cache")
	whole := row{jobs: sequential}
	// Twice: what the disk had no time for is fetched by the second pass.
	for range 2 {
		if _, err := pass(s, b, whole, mnt, cache); err != nil {
			return err
		}
	}
	cached, err := cachedFile(cache, b.size)
	if err != nil {
		return err
	}
	d, err := mount(s, b, whole, mnt, cache)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "warm\tmount MB/s\tcached file MB/s\tratio\tmount reads/s\tcached file reads/s\t")
	b.Reset()
	for _, p := range pairs {
		if err = p.measure(w, filepath.Join(mnt, "big"), cached); err != nil {
			break
		}
	}
	var total result
	b.count(&total)
	if err = errors.Join(err, d.umount(), w.Flush()); err != nil {
		return err
	}
	fmt.Printf("READ requests that reached the daemon: %s; GETs: %d\n", d.stat("Reads"), total.gets)
	return nil
}

// measure prints the medians of both sides, and of their ratio.
func (p pair) measure(w *tabwriter.Writer, mounted, native string) error {
	var speeds [2][]float64
	var ratios []float64
	for range warmRounds {
		var round [2]float64
		for i, path := range []string{mounted, native} {
			j := p.job
			for range j.Width {
				j.Paths = append(j.Paths, path)
			}
			o, err := reader(j)
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
