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
