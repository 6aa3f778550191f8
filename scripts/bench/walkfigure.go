package main

import "fmt"

// walkChecklist are the figures for names, in the first profile. Their numbers are 1
// for beside other mounts and 2 for a million names.
func walkChecklist() []line {
	var all []line
	for _, pattern := range []string{"list-flat", "list-tree", "stat-in-order", "stat-random"} {
		least := 1.0
		if pattern == "list-tree" {
			least = 3
		}
		all = append(all,
			line{1, pattern + ", time of the fastest other mount to ours", func(f facts) (check, bool) { return f.quicker(pattern, least) }},
			line{1, pattern + ", requests", func(f facts) (check, bool) { return f.fewer(pattern) }})
	}
	all = append(all, line{1, "list-tree, LISTs", func(f facts) (check, bool) {
		s, ok := f.zs3fs("list-tree")
		return atMost(40, float64(s.Lists), ""), ok
	}}, line{1, "walk-stops, requests more than without --list-ahead", func(f facts) (check, bool) {
		s, ok := f.zs3fs("walk-stops")
		off, also := f.zs3fs("walk-stops-off")
		return atMost(2, float64(s.requests()-off.requests()), ""), ok && also
	}})
	for _, pat := range walkPatterns() {
		if pat.walk.bare != "" {
			all = append(all, millionFigures(pat)...)
		}
	}
	return all
}

// millionFigures: 400 MiB where the kernel holds no inode, 1 GiB where it holds all.
func millionFigures(pat pattern) []line {
	most := 400.0
	if pat.walk.inodes {
		most = 1024
	}
	of := func(what string, measure func(s sample) check) line {
		return line{2, pat.name + what, func(f facts) (check, bool) {
			s, ok := f.zs3fs(pat.name)
			return measure(s), ok
		}}
	}
	return []line{
		{2, pat.name + ", time to 1,000 bare pages", func(f facts) (check, bool) {
			part, ok := f.ratio(pat.name, zs3fsName, pat.name, bareName, func(s sample) float64 { return s.Seconds })
			return atMost(1.3, part, ""), ok
		}},
		of(", LISTs", func(s sample) check { return atMost(1500, float64(s.Lists), "") }),
		of(", peak of resident memory, MiB", func(s sample) check { return atMost(most, float64(s.peak)/(1<<20), "") }),
		of(", requests of a second pass", func(s sample) check {
			again := pass{Requests: -1}
			if s.again != nil {
				again = *s.again
			}
			return check{"0", fmt.Sprint(again.Requests), again.Requests == 0}
		}),
	}
}

// quicker compares with the fastest other mount that was there.
func (f facts) quicker(pattern string, times float64) (check, bool) {
	s, ok := f.zs3fs(pattern)
	name, other := f.r.fastest(f.p.Name, pattern, true)
	if !ok || name == "" {
		return atLeast(times, 0, ""), false
	}
	c := atLeast(times, other.Seconds/s.Seconds, "")
	c.ok = c.ok && s.Seconds < other.Seconds
	c.measured += " (" + name + ")"
	return c, true
}

// fewer compares with the other mount that asked for the least.
func (f facts) fewer(pattern string) (check, bool) {
	s, ok := f.zs3fs(pattern)
	least, name := 0, ""
	for _, k := range f.r.order {
		if m, measured := f.r.median(k); measured && k.profile == f.p.Name && k.pattern == pattern && peer(k.tool) &&
			(name == "" || m.requests() < least) {
			least, name = m.requests(), k.tool
		}
	}
	return check{fmt.Sprintf("< %d (%s)", least, name), fmt.Sprint(s.requests()), s.requests() < least}, ok && name != ""
}
