package main

import (
	"fmt"
	"io"
	"strings"
)

// report is what a run found.
type report struct {
	head     []string
	command  string
	tables   []titled
	failures []string
	figures  string // empty where none was measured
}

type titled struct{ title, text string }

// report puts together what was measured.
func (r *runner) report(head []string) report {
	rep := report{head: head, command: r.command}
	for _, p := range r.networks() {
		for _, latency := range []bool{false, true} {
			about := "speed"
			if latency {
				about = "time of a read"
			}
			if grid := r.results.grid(p, latency); grid != nil {
				rep.tables = append(rep.tables, titled{p.Name + " (" + p.What + "): " + about, markdown(grid)})
			}
		}
	}
	for _, k := range r.results.order {
		if m := r.results.all[k]; m.err != nil {
			rep.failures = append(rep.failures, strings.Join([]string{k.profile, k.pattern, k.tool, m.err.Error()}, ": "))
		}
	}
	var measured []figure
	for _, f := range r.results.figures(r.data) {
		// A developer who measures one row does not want to read of twenty others.
		if f.state != unknown || r.whole() {
			measured = append(measured, f)
		}
	}
	if len(measured) > 0 {
		rep.figures = printable(measured)
	}
	return rep
}

// whole says that this run measures everything in the network of the figures.
func (s settings) whole() bool { return len(s.patterns) == 0 && len(s.tools) == 0 }

func (rep report) print(w io.Writer) error {
	var b strings.Builder
	for _, t := range rep.tables {
		fmt.Fprintf(&b, "\n%s\n\n%s", t.title, t.text)
	}
	for _, f := range rep.failures {
		fmt.Fprintf(&b, "\nfailed: %s", f)
	}
	if rep.figures != "" {
		fmt.Fprintf(&b, "\n%s", rep.figures)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
