package main

import "fmt"

// facts are what the figures are worked out from.
type facts struct {
	r *results
	d *dataset
	p profile
}

func (f facts) key(pattern, tool string) key { return key{f.p.Name, pattern, tool} }

func (f facts) zs3fs(pattern string) (sample, bool) { return f.r.median(f.key(pattern, zs3fsName)) }

// ratio compares two medians.
func (f facts) ratio(pattern, tool, toPattern, toTool string, of func(sample) float64) (float64, bool) {
	a, ok := f.r.median(f.key(pattern, tool))
	b, also := f.r.median(f.key(toPattern, toTool))
	if !ok || !also {
		return 0, false
	}
	return of(a) / of(b), true
}

// faster compares with the fastest other mount that was there.
func (f facts) faster(pattern string, times float64) (check, bool) {
	s, ok := f.zs3fs(pattern)
	name, other := f.r.fastest(f.p.Name, pattern, false)
	if !ok || name == "" {
		return atLeast(times, 0, ""), false
	}
	c := atLeast(times, s.speed()/other.speed(), "")
	c.measured += " (" + name + ")"
	return c, true
}

// fetched compares the bytes fetched with those read.
func (f facts) fetched(pattern string, limit float64) (check, bool) {
	s, ok := f.zs3fs(pattern)
	return check{fmt.Sprintf("<= %.4g", limit), fmt.Sprintf("%.4f", s.amplification()), s.amplification() <= limit}, ok
}

// peak returns the largest resident size of zs3fs at its default settings, in any
// network, and where.
func (f facts) peak() (peak int64, where string) {
	for _, p := range patterns() {
		for _, k := range f.r.order {
			if m := f.r.all[k]; k.tool == zs3fsName && k.pattern == p.name && p.walk == nil && m.ok() && p.options == "" && m.peak() > peak {
				peak, where = m.peak(), k.profile+" "+p.name
			}
		}
	}
	return peak, where
}
