package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// report is what a run found, of reads or of names.
type report struct {
	subject
	head     []string
	command  string
	tables   []titled
	failures []string
	figures  string // empty where none was measured
}

// subject is what a report is about.
type subject struct {
	title, preamble string
	marks           marks
}

// reports are those of what was measured.
func (r *runner) reports(head []string) []report {
	return slices.DeleteFunc([]report{r.report(head), r.walkReport(head)}, func(rep report) bool {
		return len(rep.tables)+len(rep.failures) == 0
	})
}

type titled struct{ title, text string }

// report puts together what was measured.
func (r *runner) report(head []string) report {
	rep := report{subject: subject{"Beside other mounts", preamble, readMarks()}, head: head, command: r.command, failures: r.failures(false)}
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
	rep.figures = r.checked(r.results.figures(r.data))
	if text := (facts{r: r.results, d: r.data, p: profiles()[0]}).ceiling(); text != "" {
		rep.figures += "\n" + text
	}
	return rep
}

// walkReport is that of names.
func (r *runner) walkReport(head []string) report {
	rep := report{subject: subject{"Namespace", walkPreamble(), walkMarks()}, head: head, command: r.command, failures: r.failures(true)}
	for _, p := range r.networks() {
		if grid := r.results.walkGrid(p); grid != nil {
			rep.tables = append(rep.tables, titled{p.Name + " (" + p.What + "): names", markdown(grid)})
		}
	}
	rep.figures = r.checked(r.results.walkFigures())
	return rep
}

// failures are those of walks, or of all else.
func (r *runner) failures(walks bool) (all []string) {
	for _, k := range r.results.order {
		isWalk := slices.ContainsFunc(walkPatterns(), func(pat pattern) bool { return pat.name == k.pattern })
		if m := r.results.all[k]; m.err != nil && isWalk == walks {
			all = append(all, strings.Join([]string{k.profile, k.pattern, k.tool, m.err.Error()}, ": "))
		}
	}
	return all
}

// checked is the table of the figures.
func (r *runner) checked(all []figure) string {
	measured := slices.DeleteFunc(all, func(f figure) bool {
		// A developer who measures one row does not want to read of twenty others.
		return f.state == unknown && !r.whole()
	})
	if len(measured) == 0 {
		return ""
	}
	return printable(measured)
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
