package main

import (
	"fmt"
	"strings"
)

// walkGrid is the table of the profile's walks; nil if there are none.
func (r *results) walkGrid(p profile) [][]string {
	grid := [][]string{{"pattern", "tool", "s (worst - best)", "to bare", "LIST", "HEAD", "GET", "other", "conns",
		"again s", "again requests", "CPU s", "peak MiB", "server CPU s"}}
	for _, pat := range walkPatterns() {
		name := pat.name
		for _, k := range r.order {
			if k.profile == p.Name && k.pattern == pat.name {
				grid = append(grid, append([]string{name, k.tool}, r.walkCells(k)...))
				name = ""
			}
		}
	}
	if len(grid) == 1 {
		return nil
	}
	return grid
}

func (r *results) walkCells(k key) []string {
	m := r.all[k]
	if !m.ok() {
		return []string{"failed"}
	}
	s := m.median()
	toBare, again := "-", []string{"-", "-"}
	if bare, ok := r.median(key{k.profile, k.pattern, bareName}); ok {
		toBare = fmt.Sprintf("%.2f", s.Seconds/bare.Seconds)
	}
	if s.again != nil {
		again = []string{short(s.again.Seconds), fmt.Sprint(s.again.Requests)}
	}
	cells := []string{fmt.Sprintf("%s (%s - %s)", short(s.Seconds), short(m.worst().Seconds), short(m.best().Seconds)), toBare,
		fmt.Sprint(s.Lists), fmt.Sprint(s.Heads), fmt.Sprint(s.Gets), fmt.Sprint(s.Others), fmt.Sprint(s.Connections)}
	return append(append(cells, again...), short(s.cpu.Seconds()), fmt.Sprintf("%.0f", float64(m.peak())/(1<<20)), short(s.Counts.CPU.Seconds()))
}

// walkKey says what the rows are, beside the table.
func walkKey() string {
	var b strings.Builder
	for _, pat := range walkPatterns() {
		fmt.Fprintf(&b, "%s: %s\n", pat.name, pat.what)
	}
	return b.String()
}
