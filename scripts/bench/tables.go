package main

import (
	"fmt"
	"strings"
)

// columnsOf are the columns of a table.
func columnsOf(latency bool) []string {
	value := []string{"MB/s (worst - best)", "p50 ms", "p99 ms"}
	if latency {
		value = []string{"p50 ms (worst - best)", "p99 ms", "reads/s"}
	}
	per := "s/GB"
	if latency {
		per = "ms/read"
	}
	return append(append([]string{"pattern", "tool"}, value...), "of bare", "GET", "HEAD", "LIST", "other", "conns",
		"fetched/read", "CPU "+per, "peak MiB", "server CPU "+per)
}

// grid is a table of the profile's patterns, those of throughput or of latency; nil
// if there are none.
func (r *results) grid(p profile, latency bool) [][]string {
	grid := [][]string{columnsOf(latency)}
	last := ""
	for _, pat := range patterns() {
		if pat.latency != latency || pat.walk != nil {
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
	share := "-"
	if part, ok := r.share(k, latency); ok {
		share = fmt.Sprintf("%.2f", part)
	}
	cpu, serverCPU := s.cpuPerGB(), s.Counts.CPU.Seconds()/s.gigabytes()
	if latency {
		cpu, serverCPU = milliseconds(s.cpu)/float64(s.Ops), milliseconds(s.Counts.CPU)/float64(s.Ops)
	}
	return append(values(m, latency), share, fmt.Sprint(s.Gets), fmt.Sprint(s.Heads), fmt.Sprint(s.Lists), fmt.Sprint(s.Others),
		fmt.Sprint(s.Connections), fmt.Sprintf("%.4g", s.amplification()), fmt.Sprintf("%.2f", cpu),
		fmt.Sprintf("%.0f", float64(m.peak())/(1<<20)), fmt.Sprintf("%.2f", serverCPU))
}

// values are the three cells with what the pattern is about.
func values(m *summary, latency bool) []string {
	s := m.median()
	if latency {
		return []string{
			fmt.Sprintf("%s (%s - %s)", short(s.P50), short(m.worst().P50), short(m.best().P50)),
			short(s.P99), short(float64(s.Ops) / s.Seconds),
		}
	}
	rate := func(s sample) string { return short(s.speed() / 1e6) }
	return []string{
		fmt.Sprintf("%s (%s - %s)", rate(s), rate(m.worst()), rate(m.best())),
		short(s.P50), short(s.P99),
	}
}

// short has three digits, and no exponent.
func short(x float64) string {
	switch {
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	case x >= 1:
		return fmt.Sprintf("%.2f", x)
	}
	return fmt.Sprintf("%.3f", x)
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
