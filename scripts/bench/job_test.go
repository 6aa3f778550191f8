package main

import (
	"slices"
	"strings"
	"testing"
)

func TestReads(t *testing.T) {
	for name, tt := range map[string]struct {
		job  job
		want []span
	}{
		"seq":         {job{Mode: "seq", Size: 10}, []span{{0, 10}, {10, 10}, {20, 5}}},
		"part":        {job{Mode: "seq", Size: 10, Part: 0.5}, []span{{0, 10}, {10, 2}}},
		"interleaved": {job{Mode: "interleaved", Size: 4}, []span{{0, 4}, {6, 4}, {12, 4}, {18, 4}, {4, 2}, {10, 2}, {16, 2}, {22, 2}}},
		"strided":     {job{Mode: "strided", Size: 5, Stride: 10}, []span{{0, 5}, {10, 5}, {20, 5}}},
		"backward":    {job{Mode: "backward", Size: 10}, []span{{15, 10}, {5, 10}, {0, 5}}},
		"first":       {job{Mode: "first"}, []span{{0, 1}}},
		"spans":       {job{Mode: "spans", Size: 4, Spans: [][]span{{{20, 5}, {1, 2}}}}, []span{{20, 4}, {24, 1}, {1, 2}}},
	} {
		if got := slices.Collect(tt.job.reads(25, 0)); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

// Random reads lie within the file, differ from thread to thread, and are the same in
// every run.
func TestRandomReads(t *testing.T) {
	j := job{Mode: "random", Size: 4096, Count: 200}
	const size = 64 << 10
	one, again, other := slices.Collect(j.reads(size, 1)), slices.Collect(j.reads(size, 1)), slices.Collect(j.reads(size, 2))
	if len(one) != j.Count || !slices.Equal(one, again) || slices.Equal(one, other) {
		t.Errorf("%d reads; the same again: %t; by another thread: %t", len(one), slices.Equal(one, again), slices.Equal(one, other))
	}
	if n := blocks(one, 4096); n != size/4096 {
		t.Errorf("200 reads of 16 places saw %d of them", n)
	}
	for _, s := range one {
		if s.Off < 0 || s.Off+s.Len > size {
			t.Errorf("%v is beyond the end", s)
		}
	}
}

func TestInTurns(t *testing.T) {
	names := func(groups [][]pattern) (all []string) {
		for _, group := range groups {
			var in []string
			for _, pat := range group {
				in = append(in, pat.name)
			}
			all = append(all, strings.Join(in, "+"))
		}
		return all
	}
	got := names(inTurns([]pattern{{name: "a"}, {name: "b", shares: true}, {name: "c"}, {name: "d", shares: true}}))
	if want := []string{"a", "b+d", "c"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if all := names(inTurns(patterns())); all[0] != "seq+16-streams+interleaved+64MiB+fuse+faults" || len(all) != len(patterns())-5 {
		t.Errorf("%q", all)
	}
	if got := inTurns(nil); got != nil {
		t.Errorf("%v of nothing", got)
	}
}

func TestEveryPatternHasJobs(t *testing.T) {
	d := &dataset{size: 1 << 30, tables: make(map[string]*table)}
	for _, key := range []string{plainTable, zstdTable, filesTable} {
		d.tables[key] = &table{files: []tableFile{{key, []span{{4, 100}}}}}
	}
	seen := make(map[string]bool)
	for _, p := range patterns() {
		if seen[p.name] {
			t.Errorf("%s stands twice", p.name)
		}
		seen[p.name] = true
		if p.walk != nil {
			if p.jobs != nil {
				t.Errorf("%s has a walk and jobs", p.name)
			}
			continue
		}
		for _, j := range p.jobs(d) {
			if err := j.check(); err != nil || len(j.Paths) == 0 {
				t.Errorf("%s: %d paths, %v", p.name, len(j.Paths), err)
			}
			for s := range j.reads(d.size, 0) {
				if s.Len < 1 || s.Len > max(j.Size, 1) || s.Off < 0 || s.Off+s.Len > d.size {
					t.Fatalf("%s reads %v", p.name, s)
				}
			}
		}
	}
	for _, p := range plots() {
		for _, name := range p.patterns {
			if !seen[name] {
				t.Errorf("the chart %s is of %q, which is no pattern", p.file, name)
			}
		}
	}
}
