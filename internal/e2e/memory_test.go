package e2e_test

import (
	"os"
	"testing"
)

// TestMemory reads much more than the limits, from a cold file and by several
// readers, and looks at the daemon's peak. ZS3FS_SOAK reads 4 GiB and more.
func TestMemory(t *testing.T) {
	for _, tt := range []struct {
		name    string
		options []string
		limit   int64 // MiB
	}{
		{"default", nil, 300},
		{"64MiB", []string{"--memory-limit", "64MiB"}, 160},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStand(t)
			size := int64(gib)
			if os.Getenv("ZS3FS_SOAK") != "" {
				size = 4 * gib
			}
			f, g := s.put("f", size), s.put("g", size/2)
			d := s.mount(append(tt.options, "--log-level", "info")...)
			one, two, three := f.job("sequential").start(t), g.job("sequential").start(t), g.job("sample")
			three.Count = 8
			three.must(t)
			for _, r := range []*reader{one, two} {
				if v, err := r.wait(); err != nil || v.Error != "" {
					t.Fatal(err, v.Error)
				}
			}
			peak := d.proc("VmHWM") / kib
			t.Logf("read %d MiB, peak resident memory %d MiB, limit %d MiB", (f.size+g.size)/mib, peak, tt.limit)
			if peak >= tt.limit {
				t.Errorf("peak resident memory is %d MiB, must be below %d MiB", peak, tt.limit)
			}
		})
	}
}
