package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// measuredAs makes results in which every pattern has the same runs.
func measuredAs(of map[string]sample, change map[key]sample) *results {
	r := newResults()
	for _, p := range patterns() {
		for _, name := range []string{bareName, bareWriteName, zs3fsName, "s3fs"} {
			k := key{profiles()[0].Name, p.name, name}
			s := of[name]
			if c, ok := change[k]; ok {
				s = c
			}
			r.at(k).add(s, p.latency)
		}
	}
	return r
}

// ideal are runs with which every figure is reached but for those that compare
// patterns with each other by a factor.
func ideal() map[string]sample {
	run := func(seconds float64, cpu time.Duration) sample {
		return sample{
			outcome: outcome{Bytes: 1e9, Ops: 100, Blocks: 1000, Seconds: seconds, P50: 20},
			Counts:  Counts{Gets: 100, Bytes: 1e9}, cpu: cpu, peak: 100 << 20,
		}
	}
	return map[string]sample{
		bareName: run(0.5, time.Second/4), bareWriteName: run(0.8, time.Second/2), zs3fsName: run(1, time.Second/2), "s3fs": run(20, 9),
	}
}

func TestFiguresAreReached(t *testing.T) {
	for _, f := range measuredAs(ideal(), nil).figures(&dataset{size: 1 << 30}) {
		if f.state != yes {
			t.Errorf("%d %s: %s against %s: %s", f.no, f.what, f.reached, f.limit, f.state)
		}
	}
}

// Every figure fails when what it is about gets worse.
func TestFiguresAreMissed(t *testing.T) {
	at := func(pattern string) key { return key{profiles()[0].Name, pattern, zs3fsName} }
	for _, tt := range []struct {
		pattern string
		worse   func(*sample)
		want    []string
	}{
		{"seq", func(s *sample) { s.Seconds = 12 }, []string{"1 sequential, of bare+write", "1 sequential, to the fastest"}},
		{"seq", func(s *sample) { s.Gets = 137 }, []string{"1 sequential, GETs"}},
		{"seq", func(s *sample) { s.Counts.Bytes = 1.02e9 }, []string{"1 sequential, fetched"}},
		{"seq", func(s *sample) { s.cpu = time.Second }, []string{"7 "}},
		{"seq", func(s *sample) { s.peak = 257 << 20 }, []string{"5 largest peak"}},
		{"interleaved", func(s *sample) { s.Seconds = 1.3 }, []string{"2 4 interleaved, of"}},
		{"interleaved", func(s *sample) { s.Counts.Bytes = 1.2e9 }, []string{"2 4 interleaved, fetched"}},
		{"random-64K", func(s *sample) { s.P50 = 41 }, []string{"3 random 64 KiB, p50"}},
		{"random-64K", func(s *sample) { s.Counts.Bytes = 1001 * blockSize }, []string{"3 random 64 KiB, blocks"}},
		{"first-byte", func(s *sample) { s.Heads = 1 }, []string{"4 first byte, requests"}},
		{"first-byte", func(s *sample) { s.P50 = 24 }, []string{"4 first byte, p50"}},
		{"64MiB", func(s *sample) { s.Seconds = 1.5 }, []string{"5 with --memory-limit"}},
		{"small-x16", func(s *sample) { s.Seconds = 18 }, []string{"6 1,000 files by 16"}},
		{"small-in-order", func(s *sample) { s.Seconds = 3 }, []string{"6 1,000 files by one in order, to"}},
		{"small-in-order", func(s *sample) { s.Counts.Bytes = 1.1e9 }, []string{"6 1,000 files by one in order, fetched"}},
		{"small-random", func(s *sample) { s.Gets = 109 }, []string{"6 in random order"}},
		{"16-streams", func(s *sample) { s.Seconds = 1.1 }, []string{"6 16 streams"}},
		{"faults", func(s *sample) { s.Seconds = 1.7 }, []string{"8 "}},
		{"duckdb", func(s *sample) { s.Counts.Bytes = 1400 * blockSize }, []string{"9 DuckDB, fetched"}},
		{"duckdb", func(s *sample) { s.Seconds = 21 }, []string{"9 DuckDB, to"}},
		{"read-10%", func(s *sample) { s.Counts.Bytes += window + 1 }, []string{"10 "}},
	} {
		s := ideal()[zs3fsName]
		tt.worse(&s)
		missed := missedOf(measuredAs(ideal(), map[key]sample{at(tt.pattern): s}))
		for _, want := range tt.want {
			if !strings.Contains(missed, "\n"+want) {
				t.Errorf("%s got worse, and %q is still reached; missed are %s", tt.pattern, want, missed)
			}
		}
		if n := strings.Count(missed, "\n"); n != len(tt.want) {
			t.Errorf("%s got worse: missed are %s, want %d", tt.pattern, missed, len(tt.want))
		}
	}
}

func missedOf(r *results) string {
	var b strings.Builder
	for _, f := range r.figures(&dataset{size: 1 << 30}) {
		if f.state == no {
			b.WriteString("\n" + fmt.Sprintf("%d %s", f.no, f.what))
		}
	}
	return b.String()
}

// What was not measured is neither reached nor missed.
func TestFiguresOfNothing(t *testing.T) {
	for _, f := range newResults().figures(&dataset{size: 1 << 30}) {
		if f.state != unknown {
			t.Errorf("%d %s: %s", f.no, f.what, f.state)
		}
	}
}

// listed are runs with which every figure of names is reached.
func listed(change map[key]sample) *results {
	run := func(seconds float64, lists int) sample {
		return sample{outcome: outcome{Seconds: seconds, P50: 1000 * seconds}, Counts: Counts{Lists: lists}, peak: 300 << 20, again: &pass{seconds, 0}}
	}
	of := map[string]sample{bareName: run(10, 1000), zs3fsName: run(1, 30), "s3fs": run(4, 120), "rclone": run(5, 60)}
	r := newResults()
	for _, p := range walkPatterns() {
		for _, name := range []string{bareName, zs3fsName, "s3fs", "rclone"} {
			s, k := of[name], key{profiles()[0].Name, p.name, name}
			if c, ok := change[k]; ok {
				s = c
			}
			r.at(k).add(s, true)
		}
	}
	return r
}

func TestWalkFigures(t *testing.T) {
	for _, f := range listed(nil).walkFigures() {
		if f.state != yes {
			t.Errorf("%d %s: %s against %s: %s", f.no, f.what, f.reached, f.limit, f.state)
		}
	}
	for _, tt := range []struct {
		pattern string
		worse   func(*sample)
		want    []string
	}{
		{"list-flat", func(s *sample) { s.Seconds = 4.1 }, []string{"list-flat, time"}},
		{"list-flat", func(s *sample) { s.Heads = 30 }, []string{"list-flat, requests"}},
		{"list-tree", func(s *sample) { s.Seconds = 1.4 }, []string{"list-tree, time"}},
		{"list-tree", func(s *sample) { s.Lists = 41 }, []string{"list-tree, LISTs"}},
		{"stat-in-order", func(s *sample) { s.Seconds = 4 }, []string{"stat-in-order, time"}},
		{"stat-random", func(s *sample) { s.Lists = 60 }, []string{"stat-random, requests"}},
		{"walk-stops", func(s *sample) { s.Lists += 3 }, []string{"walk-stops, requests"}},
		{"million-flat-ls-f", func(s *sample) { s.Seconds = 14 }, []string{"million-flat-ls-f, time"}},
		{"million-flat-ls-f", func(s *sample) { s.peak = 401 << 20 }, []string{"million-flat-ls-f, peak"}},
		{"million-flat-ls-l", func(s *sample) { s.peak = 401 << 20 }, nil},
		{"million-tree-find", func(s *sample) { s.peak = 1025 << 20 }, []string{"million-tree-find, peak"}},
		{"million-tree-ls-l", func(s *sample) { s.Lists = 1501 }, []string{"million-tree-ls-l, LISTs"}},
		{"million-tree-ls-f", func(s *sample) { s.again = &pass{1, 1} }, []string{"million-tree-ls-f, requests of"}},
		{"million-flat-find", func(s *sample) { s.again = nil }, []string{"million-flat-find, requests of"}},
	} {
		k := key{profiles()[0].Name, tt.pattern, zs3fsName}
		s, _ := listed(nil).median(k)
		tt.worse(&s)
		var missed []string
		for _, f := range listed(map[key]sample{k: s}).walkFigures() {
			if f.state == no {
				missed = append(missed, f.what)
			}
		}
		if len(missed) != len(tt.want) || len(missed) > 0 && !strings.HasPrefix(missed[0], tt.want[0]) {
			t.Errorf("%s got worse: missed are %q, want %q", tt.pattern, missed, tt.want)
		}
	}
	for _, f := range newResults().walkFigures() {
		if f.state != unknown {
			t.Errorf("of nothing: %d %s: %s", f.no, f.what, f.state)
		}
	}
}
