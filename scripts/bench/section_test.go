package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestReplaceSection(t *testing.T) {
	first := readMarks().replace("# Measured\n\nold words\n", "one\n")
	if !strings.HasPrefix(first, "# Measured\n\nold words\n\n") || !strings.Contains(first, "\n\none\n\n") {
		t.Errorf("%q", first)
	}
	second := readMarks().replace(first+"\nafter\n", "two")
	if strings.Contains(second, "one") || !strings.Contains(second, "\n\ntwo\n\n") || !strings.HasSuffix(second, "\nafter\n") {
		t.Errorf("%q", second)
	}
	if again := readMarks().replace(second, "two"); again != second {
		t.Errorf("%q became %q", second, again)
	}
}

func TestMarkdown(t *testing.T) {
	got := markdown([][]string{{"a", "tool", "x"}, {"long", "t", "1"}, {"", "u"}})
	want := "| a    | tool | x |\n|------|------|--:|\n| long | t    | 1 |\n|      | u    |   |\n"
	if got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestSummary(t *testing.T) {
	var m summary
	for _, seconds := range []float64{2, 1, 4} {
		m.add(sample{outcome: outcome{Bytes: 8, Seconds: seconds, P50: 10 / seconds}, peak: int64(seconds)}, false)
	}
	if m.worst().speed() != 2 || m.median().speed() != 4 || m.best().speed() != 8 || m.peak() != 4 {
		t.Errorf("%+v", m)
	}
	m.add(sample{outcome: outcome{Bytes: 8, Seconds: 8}}, false)
	if m.median().speed() != 2 {
		t.Errorf("of four the median has %v, want the worse of the two in the middle", m.median().speed())
	}
	var l summary
	for _, p50 := range []float64{2, 1, 4} {
		l.add(sample{outcome: outcome{P50: p50}}, true)
	}
	if l.worst().P50 != 4 || l.median().P50 != 2 || l.best().P50 != 1 {
		t.Errorf("%+v", l)
	}
}

// Charts are XML, with every bar within the picture.
func TestCharts(t *testing.T) {
	r := measuredAs(ideal(), nil)
	for _, p := range plots() {
		c := r.chart(p, profiles()[0].Name)
		c.Title += " <&>"
		d := c.draw()
		if len(c.Groups) != len(p.patterns) || len(d.Bars) == 0 {
			t.Errorf("%s: %d groups, %d bars", p.file, len(c.Groups), len(d.Bars))
		}
		for _, b := range d.Bars {
			if b.X < 0 || b.X > chartWidth || b.Y+chartBar > d.Height || b.Colour == "" {
				t.Errorf("%s: %+v", p.file, b)
			}
		}
		var text bytes.Buffer
		if err := c.write(&text); err != nil {
			t.Fatal(err)
		}
		for x := xml.NewDecoder(&text); ; {
			if _, err := x.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", p.file, err)
			}
		}
	}
}

func TestSettings(t *testing.T) {
	var out bytes.Buffer
	s, err := parse([]string{"-patterns", "seq,warm", "-tools", "bare,zs3fs", "-size", "64MiB"}, &out)
	if err != nil || s.size != 64<<20 || len(s.networks()) != 1 || len(s.chosen(profiles()[3])) != 2 || s.wants("s3fs") || !s.wants(bareName) {
		t.Errorf("%+v, %v", s, err)
	}
	if s.command != "go run ./scripts/bench -patterns=seq,warm -size=64MiB -tools=bare,zs3fs" {
		t.Errorf("command %q", s.command)
	}
	s, err = parse([]string{"-cache-dir", "/somewhere"}, &out)
	if err != nil || len(s.networks()) != len(profiles()) || len(s.chosen(profiles()[0])) != len(patterns())-6 ||
		len(s.chosen(profiles()[1])) == 0 || len(s.chosen(profiles()[1])) == len(patterns()) || !s.wants("s3fs") ||
		s.command != "go run ./scripts/bench" {
		t.Errorf("%+v, %v", s, err)
	}
	if s, err = parse([]string{"-million"}, &out); err != nil || len(s.chosen(profiles()[0])) != len(patterns()) || len(s.chosen(profiles()[1])) >= len(patterns())-6 {
		t.Errorf("%+v, %v", s, err)
	}
	for _, wrong := range [][]string{{"-patterns", "none"}, {"-tools", "none"}, {"-profiles", "nowhere"}, {"-rounds", "0"}, {"-size", "1MiB"}, {"seq"}} {
		if _, err := parse(wrong, &out); err == nil {
			t.Errorf("%v: no error", wrong)
		}
	}
}

// Reads and names have sections of their own, and each is written without the other.
func TestSectionsOfTheirOwn(t *testing.T) {
	text := walkMarks().replace(readMarks().replace("# Measured\n", "reads 1"), "names 1")
	text = readMarks().replace(text, "reads 2")
	text = walkMarks().replace(text, "names 2")
	if strings.Contains(text, " 1") || strings.Count(text, "reads 2") != 1 || strings.Count(text, "names 2") != 1 ||
		strings.Index(text, "reads 2") > strings.Index(text, "names 2") {
		t.Errorf("%q", text)
	}
	r := runner{results: newResults(), data: &dataset{size: 1 << 30}}
	if all := r.reports(nil); len(all) != 0 {
		t.Errorf("%d reports of nothing", len(all))
	}
	r.results = listed(nil)
	r.results.at(key{profiles()[0].Name, "stat-random", "s3fs"}).err = errors.New("broke off")
	all := r.reports([]string{"commit x"})
	if len(all) != 1 || all[0].marks != walkMarks() || len(all[0].failures) != 1 {
		t.Fatalf("%+v", all)
	}
	for _, want := range []string{"## Namespace\n", "commit x\n", "list-tree: find -size +0 in 100", "| million-tree-find | bare ", " failed |", "0.10 |", "broke off"} {
		if !strings.Contains(all[0].section(nil), want) {
			t.Errorf("%q is not in %s", want, all[0].section(nil))
		}
	}
}
