package main

import (
	"testing"
	"time"
)

func TestPercentile(t *testing.T) {
	hundred := make([]int, 100)
	for i := range hundred {
		hundred[i] = i + 1
	}
	for _, tt := range []struct {
		sorted []int
		q      float64
		want   int
	}{
		{nil, 0.5, 0},
		{[]int{7}, 0.5, 7},
		{[]int{7}, 0.99, 7},
		{[]int{1, 2}, 0.5, 1},
		{[]int{1, 2, 3}, 0.5, 2},
		{[]int{1, 2, 3}, 0.99, 3},
		{[]int{1, 2, 3}, 0, 1},
		{hundred, 0.5, 50},
		{hundred, 0.99, 99},
		{hundred, 1, 100},
	} {
		if got := percentile(tt.sorted, tt.q); got != tt.want {
			t.Errorf("percentile %v of %v: %d, want %d", tt.q, tt.sorted, got, tt.want)
		}
	}
}

// Threads are merged: blocks that two of them read count once, those of another file
// again.
func TestMerge(t *testing.T) {
	var a, b tally
	a.open("f")
	a.add(span{0, 10}, 3*time.Millisecond)
	a.add(span{blockSize - 1, 2}, time.Millisecond)
	b.open("f")
	b.add(span{5, 10}, 2*time.Millisecond)
	b.open("g")
	b.add(span{0, 1}, 4*time.Millisecond)
	got := merge([]tally{a, b, {}}, 2*time.Second)
	want := outcome{Bytes: 23, Ops: 4, Blocks: 3, Seconds: 2, P50: 2, P99: 4}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestJoin(t *testing.T) {
	got := join([]outcome{{Bytes: 1, Ops: 2, Blocks: 3, Seconds: 4, P50: 9, P99: 9}, {Bytes: 10, Ops: 20, Blocks: 30, Seconds: 3, P50: 5, P99: 50}})
	want := outcome{Bytes: 11, Ops: 22, Blocks: 33, Seconds: 4, P50: 9, P99: 50}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
