package main

import (
	"strings"
	"testing"
	"time"
)

func TestCeiling(t *testing.T) {
	run := func(seconds float64, cpu, server, reader time.Duration) sample {
		return sample{outcome: outcome{Bytes: 2e9, Seconds: seconds, ReaderCPU: reader}, Counts: Counts{CPU: server}, cpu: cpu}
	}
	fetched, passed := run(1, 1400*time.Millisecond, 600*time.Millisecond, 0), run(1, time.Second, 0, time.Second)
	if got := ceiling(fetched, passed, 2); got != 1e9 {
		t.Errorf("two processors and 2 s/GB give %g bytes/s, want 1e9", got)
	}
	r := newResults()
	f := facts{r: r, p: profiles()[0]}
	put := func(pattern, tool string, s sample) { r.at(f.key(pattern, tool)).add(s, false) }
	put(seqName, bareWriteName, fetched)
	put(seqName, zs3fsName, run(4, 0, 0, 0))
	put(seqName, "s3fs", run(8, 0, 0, 0))
	if text := f.ceiling(); text != "" {
		t.Errorf("without FUSE alone: %s", text)
	}
	put(fuseName, memoryName, passed)
	put(seqName, memoryName, run(0.5, 0, 0, 0)) // the fastest, and no other mount
	if text := f.ceiling(); !strings.Contains(text, "times s3fs") || strings.Contains(text, memoryName+".") {
		t.Errorf("got %s", text)
	}
	if peer(memoryName) {
		t.Error("FUSE alone is no other mount")
	}
}
