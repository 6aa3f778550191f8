package main

import (
	"os"
	"path/filepath"
	"slices"
)

// plot is a chart of some patterns.
type plot struct {
	file, title, unit string
	patterns          []string
	value             func(s sample) float64
	bare              bool // with the bare rows
}

func plots() []plot {
	streams := []string{"seq", "4-streams", "16-streams", "interleaved", "backward", "two-readers", "columns", "duckdb", "duckdb-zstd", "duckdb-files", "in-order", "strided", "64MiB", "faults"}
	latencies := []string{"random-4K", "random-64K", "random-256K", "first-byte"}
	little := []string{"small-x16", "small-in-order", "small-loader", "small-random"}
	rate := func(s sample) float64 { return s.speed() / 1e6 }
	return []plot{
		{"streams.svg", "Cold reads", "MB/s", streams, rate, true},
		// Not the p50: a tool that fetches all of a file for a few reads has a good one.
		{"latency.svg", "Cold reads, mean time of one", "ms", latencies, func(s sample) float64 { return 1000 * s.Seconds / float64(s.Ops) }, true},
		{"small.svg", "Small files", "files/s", little, func(s sample) float64 { return float64(s.Ops) / s.Seconds }, true},
		{"warm.svg", "Warm reads", "MB/s", []string{"warm", "warm-remount", "warm-random"}, rate, false},
		{"cpu.svg", "CPU time of the daemon", "s/GB", streams[:6], sample.cpuPerGB, true},
		{"memory.svg", "Peak resident memory of the daemon", "MiB", streams[:6], func(s sample) float64 { return float64(s.peak) / (1 << 20) }, false},
	}
}

// chart draws what the plot is of, in a profile.
func (r *results) chart(p plot, profile string) chart {
	c := chart{Title: p.title, Unit: p.unit}
	for _, name := range p.patterns {
		g := group{Name: name}
		for _, k := range r.order {
			isBare := k.tool == bareName || k.tool == bareWriteName
			if k.profile != profile || k.pattern != name || !r.all[k].ok() || isBare && !p.bare {
				continue
			}
			b := bar{Name: k.tool, Value: p.value(r.all[k].median())}
			var all []float64
			for _, s := range r.all[k].samples {
				all = append(all, p.value(s))
			}
			b.Least, b.Utmost = slices.Min(all), slices.Max(all)
			g.Bars = append(g.Bars, b)
		}
		if len(g.Bars) > 0 {
			c.Groups = append(c.Groups, g)
		}
	}
	return c
}

// drawAll writes the charts that have something to show below dir, and returns their
// names.
func (r *results) drawAll(dir, profile string) ([]string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	var names []string
	for _, p := range plots() {
		c := r.chart(p, profile)
		if len(c.Groups) == 0 {
			continue
		}
		f, err := os.Create(filepath.Join(dir, p.file))
		if err != nil {
			return nil, err
		}
		if err := c.write(f); err != nil {
			f.Close()
			return nil, err
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
		names = append(names, p.file)
	}
	return names, nil
}
