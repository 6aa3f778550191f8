package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The section of a file of results that a run writes anew.
const (
	sectionBegin = "<!-- bench: what follows is written by -results -->"
	sectionEnd   = "<!-- bench: end -->"
)

// replaceSection puts section between the markers of text, and with them at its end
// where it has none.
func replaceSection(text, section string) string {
	section = sectionBegin + "\n\n" + strings.TrimSpace(section) + "\n\n" + sectionEnd
	before, rest, ok := strings.Cut(text, sectionBegin)
	if !ok {
		return strings.TrimSpace(text) + "\n\n" + section + "\n"
	}
	_, after, _ := strings.Cut(rest, sectionEnd)
	return before + section + after
}

// write writes the section, and the charts beside it.
func (r *runner) write(rep report) error {
	dir := filepath.Join(filepath.Dir(r.settings.results), "charts")
	names, err := r.results.drawAll(dir, profiles()[0].Name)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(r.settings.results)
	if err != nil {
		return err
	}
	return os.WriteFile(r.settings.results, []byte(replaceSection(string(text), rep.section(names))), 0o644)
}

// section is the report as Markdown.
func (rep report) section(charts []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "## Beside other mounts\n\n%s\n\n", preamble)
	fmt.Fprintf(&b, "```\n%s\n```\n\n", strings.Join(append(rep.head, "command: "+rep.command), "\n"))
	fmt.Fprintf(&b, "### The figures\n\n%s\n", rep.figures)
	if len(charts) > 0 {
		fmt.Fprintf(&b, "### Charts\n\nOf the first network; the thin lines reach from the least to the largest of the runs.\n\n")
		for _, name := range charts {
			fmt.Fprintf(&b, "![%s](charts/%s)\n", strings.TrimSuffix(name, ".svg"), name)
		}
		b.WriteString("\n")
	}
	for _, t := range rep.tables {
		fmt.Fprintf(&b, "### %s\n\n%s\n", t.title, t.text)
	}
	if len(rep.failures) > 0 {
		fmt.Fprintf(&b, "### Failed\n\n")
		for _, f := range rep.failures {
			fmt.Fprintf(&b, "- %s\n", f)
		}
	}
	return b.String()
}

const preamble = `Written by ` + "`make bench`" + `; scripts/bench/doc.go says what the rows are. The server, the daemon and the readers share the
processors. "of bare" is the share of bare+write, which fetches the same bytes by parallel GETs and writes them to the same
file system (for times of an operation: its p50 over the tool's). Readers of slow tools were ended after 8 s, and patterns in
which another mount took over 6 s were run once for it. CPU time has the kernel's ticks of 10 ms.`
