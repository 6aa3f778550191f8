package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// marks enclose a section of a file of results, which a run writes anew.
type marks struct{ begin, end string }

func readMarks() marks {
	return marks{"<!-- bench: what follows is written by -results -->", "<!-- bench: end -->"}
}

func walkMarks() marks {
	return marks{"<!-- bench of names: what follows is written by -results -->", "<!-- bench of names: end -->"}
}

// replace puts section between the markers of text, and with them at its end
// where it has none.
func (m marks) replace(text, section string) string {
	section = m.begin + "\n\n" + strings.TrimSpace(section) + "\n\n" + m.end
	before, rest, ok := strings.Cut(text, m.begin)
	if !ok {
		return strings.TrimSpace(text) + "\n\n" + section + "\n"
	}
	_, after, _ := strings.Cut(rest, m.end)
	return before + section + after
}

// write writes the sections of the reports, and the charts of reads beside them.
func (r *runner) write(all []report) error {
	dir := filepath.Join(filepath.Dir(r.settings.results), "charts")
	names, err := r.results.drawAll(dir, profiles()[0].Name)
	if err != nil {
		return err
	}
	for _, rep := range all {
		if rep.marks != readMarks() {
			names = nil
		}
		if err := r.writeSection(rep, names); err != nil {
			return err
		}
	}
	return nil
}

func (r *runner) writeSection(rep report, charts []string) error {
	text, err := os.ReadFile(r.settings.results)
	if err != nil {
		return err
	}
	return os.WriteFile(r.settings.results, []byte(rep.marks.replace(string(text), rep.section(charts))), 0o644)
}

// section is the report as Markdown.
func (rep report) section(charts []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n%s\n\n", rep.title, rep.preamble)
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

// walkPreamble also says what the rows are.
func walkPreamble() string {
	return `Written by ` + "`make bench`" + `: programs that list. Each run has a mount of its own that has seen nothing; the time is the program's, the requests are those
from its start until nothing was asked for during 100 ms. s3fs keeps up to 100,000 attributes for 900 s and asks for 32 at once, rclone takes the server's times
(without, each file costs it a HEAD) and keeps directories for 5 minutes; all are mounted for reading only. bare is the pages of a LIST
without delimiter, one after another, measured once for each directory. "again" is a second run of the program on the same mount. The million names are listed once, with -million, and
with --metadata-ttl=10m: two passes and what a noisy machine adds may take longer than the default of a minute.

` + "```\n" + walkKey() + "```"
}
