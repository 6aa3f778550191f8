package main

import (
	"math"
	"slices"
	"time"
)

// tally collects what one thread did; each has its own, so that they share no lock.
type tally struct {
	bytes int64
	took  []time.Duration
	files []visit
}

// visit is what was read of a file that a thread had open.
type visit struct {
	path  string
	spans []span
}

func (t *tally) open(path string) { t.files = append(t.files, visit{path: path}) }

func (t *tally) add(s span, took time.Duration) {
	t.bytes += s.Len
	t.took = append(t.took, took)
	// Warm readers make a million reads, and nobody asks in which blocks.
	if v := &t.files[len(t.files)-1]; len(v.spans) < 1<<14 {
		v.spans = append(v.spans, s)
	}
}

// merge is the outcome of threads that ran for so long.
func merge(all []tally, ran time.Duration) outcome {
	o := outcome{Seconds: ran.Seconds()}
	var took []time.Duration
	read := make(map[string][]span)
	for _, t := range all {
		o.Bytes += t.bytes
		took = append(took, t.took...)
		for _, v := range t.files {
			read[v.path] = append(read[v.path], v.spans...)
		}
	}
	for _, spans := range read {
		o.Blocks += blocks(spans, blockSize)
	}
	slices.Sort(took)
	o.Ops = len(took)
	o.P50, o.P99 = milliseconds(percentile(took, 0.50)), milliseconds(percentile(took, 0.99))
	return o
}

// percentile is the smallest of the sorted values that the part q of them do not
// exceed (the nearest rank), and 0 of none.
func percentile[T any](sorted []T, q float64) T {
	if len(sorted) == 0 {
		var none T
		return none
	}
	rank := int(math.Ceil(q * float64(len(sorted))))
	return sorted[max(rank, 1)-1]
}
