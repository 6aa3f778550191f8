package main

import (
	"cmp"
	"slices"
)

// summary is what the rounds of one tool in one pattern gave.
type summary struct {
	samples []sample // in the order of worth, worst first
	err     error    // why there are no more
}

// worth is what the rounds are ordered by: the speed, or the quickness.
func worth(s sample, latency bool) float64 {
	if latency {
		return -s.P50
	}
	return s.speed()
}

func (m *summary) add(s sample, latency bool) {
	m.samples = append(m.samples, s)
	slices.SortStableFunc(m.samples, func(a, b sample) int { return cmp.Compare(worth(a, latency), worth(b, latency)) })
}

func (m *summary) ok() bool { return m != nil && len(m.samples) > 0 && m.err == nil }

// median is the run in the middle; of an even number the worse of the two.
func (m *summary) median() sample { return m.samples[(len(m.samples)-1)/2] }

func (m *summary) worst() sample { return m.samples[0] }
func (m *summary) best() sample  { return m.samples[len(m.samples)-1] }

// peak is the largest resident size of all rounds.
func (m *summary) peak() int64 {
	peak := int64(0)
	for _, s := range m.samples {
		peak = max(peak, s.peak)
	}
	return peak
}
