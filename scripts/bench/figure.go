package main

import (
	"fmt"
	"strings"
)

// figure is a line of the checklist.
type figure struct {
	no             int
	what           string
	limit, reached string
	state          state
}

// state says whether a figure was reached.
type state string

const (
	yes     state = "yes"
	no      state = "NO"
	unknown state = "not measured"
)

// check is what a figure's function says: measured against a limit.
type check struct {
	limit    string
	measured string
	ok       bool
}

// figures works out the checklist from what was measured.
func (r *results) figures(d *dataset) []figure { return r.worked(d, checklist()) }

// walkFigures works out that for names.
func (r *results) walkFigures() []figure { return r.worked(nil, walkChecklist()) }

func (r *results) worked(d *dataset, lines []line) []figure {
	f := facts{r: r, d: d, p: profiles()[0]}
	var all []figure
	for _, line := range lines {
		c, known := line.measure(f)
		g := figure{no: line.no, what: line.what, limit: c.limit, reached: c.measured, state: unknown}
		if known && c.ok {
			g.state = yes
		} else if known {
			g.state = no
		}
		all = append(all, g)
	}
	return all
}

func printable(all []figure) string {
	grid := [][]string{{"figure", "what", "limit", "measured", "reached"}}
	for _, f := range all {
		grid = append(grid, []string{fmt.Sprint(f.no), f.what, f.limit, f.reached, string(f.state)})
	}
	return markdown(grid)
}

// atLeast and atMost compare a ratio with its limit.
func atLeast(limit, got float64, of string) check {
	return check{fmt.Sprintf(">= %.4g %s", limit, of), fmt.Sprintf("%.3g", got), got >= limit}
}

func atMost(limit, got float64, of string) check {
	return check{strings.TrimSpace(fmt.Sprintf("<= %.4g %s", limit, of)), fmt.Sprintf("%.4g", got), got <= limit}
}
