package main

import "testing"

// TestRequestSize: with little memory requests are smaller, so that enough of them
// run at once; what the user says stands.
func TestRequestSize(t *testing.T) {
	const mib = 1 << 20
	for _, tt := range []struct {
		what                               string
		memory, block, window, asked, want int64
	}{
		{"default", 160 * mib, mib, automatic, automatic, 8 * mib},
		{"not quite enough", 159 * mib, mib, automatic, automatic, 4 * mib},
		{"just enough for half", 80 * mib, mib, automatic, automatic, 4 * mib},
		{"little memory", 64 * mib, mib, automatic, automatic, 2 * mib},
		{"very little", 8 * mib, mib, automatic, automatic, 2 * mib},
		{"a small window", 160 * mib, mib, 32 * mib, automatic, 2 * mib},
		{"no reading ahead", 64 * mib, mib, 0, automatic, 8 * mib},
		{"large blocks", 64 * mib, 16 * mib, automatic, automatic, 16 * mib},
		{"said", 64 * mib, mib, automatic, 2 * mib, 2 * mib},
	} {
		r := readOptions{Window: tt.window, RequestSize: tt.asked}
		if got := r.request(tt.memory, tt.block); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.what, got, tt.want)
		}
	}
}
