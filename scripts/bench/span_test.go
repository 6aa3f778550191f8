package main

import (
	"slices"
	"testing"
)

func TestPieces(t *testing.T) {
	for _, tt := range []struct {
		in   []span
		want []span
	}{
		{nil, nil},
		{[]span{{0, 0}}, nil},
		{[]span{{0, 10}}, []span{{0, 10}}},
		{[]span{{0, 25}}, []span{{0, 10}, {10, 10}, {20, 5}}},
		{[]span{{0, 4}, {4, 4}, {8, 4}}, []span{{0, 10}, {10, 2}}},
		{[]span{{0, 4}, {5, 4}}, []span{{0, 4}, {5, 4}}},
		{[]span{{3, 12}, {15, 1}}, []span{{3, 10}, {13, 3}}},
	} {
		if got := pieces(tt.in, 10); !slices.Equal(got, tt.want) {
			t.Errorf("pieces of %v: %v, want %v", tt.in, got, tt.want)
		}
	}
}

func TestBlocks(t *testing.T) {
	for _, tt := range []struct {
		in   []span
		want int64
	}{
		{nil, 0},
		{[]span{{0, 1}}, 1},
		{[]span{{9, 1}, {0, 1}}, 1},
		{[]span{{9, 2}}, 2},
		{[]span{{0, 100}}, 10},
		{[]span{{95, 5}, {99, 1}, {100, 1}}, 2},
	} {
		if got := blocks(tt.in, 10); got != tt.want {
			t.Errorf("blocks of %v: %d, want %d", tt.in, got, tt.want)
		}
	}
}
