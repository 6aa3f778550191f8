package main

import (
	"fmt"
	"strings"
)

// columnsOf are the columns of a table.
func columnsOf(latency bool) []string {
	value := []string{"MB/s (worst - best)", "p50 ms", "p99 ms"}
	if latency {
		value = []string{"p50 ms (worst - best)", "p99 ms", "MB/s"}
	}
	return append(append([]string{"pattern", "tool"}, value...), "of bare", "GET", "HEAD", "LIST", "other", "conns",
		"fetched/read", "CPU s/GB", "peak MiB", "server CPU s/GB")
}

// grid is a table of the profile's patterns, those of throughput or of latency; nil
// if there are none.
func (r *results) grid(p profile, latency bool) [][]string {
	grid := [][]string{columnsOf(latency)}
	last := ""
	for _, pat := range patterns() {
		if pat.latency != latency {
			continue
		}
		for _, k := range r.order {
			if k.profile != p.Name || k.pattern != pat.name {
				continue
			}
			name := pat.name
			if name == last {
				name = ""
			}
			grid, last = append(grid, append([]string{name, k.tool}, r.cells(k, latency)...)), pat.name
		}
	}
	if len(grid) == 1 {
		return nil
	}
	return grid
}

func (r *results) cells(k key, latency bool) []string {
	m := r.all[k]
	if !m.ok() {
		return []string{"failed"}
	}
	s := m.median()
	rate := func(s sample) string { return fmt.Sprintf("%.4g", s.speed()/1e6) }
	value := []string{
		fmt.Sprintf("%s (%s - %s)", rate(s), rate(m.worst()), rate(m.best())),
		fmt.Sprintf("%.2f", s.P50), fmt.Sprintf("%.2f", s.P99),
	}
	if latency {
		value = []string{
			fmt.Sprintf("%.2f (%.2f - %.2f)", s.P50, m.worst().P50, m.best().P50),
			fmt.Sprintf("%.2f", s.P99), rate(s),
		}
	}
	share := "-"
	if part, ok := r.share(k, latency); ok {
		share = fmt.Sprintf("%.2f", part)
	}
	gb := float64(s.outcome.Bytes) / 1e9
	return append(value, share, fmt.Sprint(s.Gets), fmt.Sprint(s.Heads), fmt.Sprint(s.Lists), fmt.Sprint(s.Others),
		fmt.Sprint(s.Connections), fmt.Sprintf("%.3f", s.amplification()), fmt.Sprintf("%.2f", s.cpuPerGB()),
		fmt.Sprintf("%.0f", float64(m.peak())/(1<<20)), fmt.Sprintf("%.2f", s.CPU.Seconds()/gb))
}

// markdown aligns the grid so that it is also read well as text.
func markdown(grid [][]string) string {
	width := make([]int, len(grid[0]))
	for _, row := range grid {
		for i, cell := range row {
			width[i] = max(width[i], len(cell))
		}
	}
	var b strings.Builder
	for n, row := range grid {
		for i := range width {
			cell := ""
			if i < len(row) {
				cell = row[i]
			}
			if i < 2 {
				fmt.Fprintf(&b, "| %-*s ", width[i], cell)
			} else {
				fmt.Fprintf(&b, "| %*s ", width[i], cell)
			}
		}
		b.WriteString("|\n")
		if n == 0 {
			for i := range width {
				side := ":"
				if i < 2 {
					side = "-"
				}
				fmt.Fprintf(&b, "|%s%s", strings.Repeat("-", width[i]+1), side)
			}
			b.WriteString("|\n")
		}
	}
	return b.String()
}
