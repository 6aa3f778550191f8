package main

import (
	"cmp"
	"fmt"
	"iter"
	"math/rand/v2"
	"time"
)

// job is what a reader process is told, as JSON on its standard input: a
// reader never shares a process with the server, nor with the mount.
type job struct {
	Mode  string   // a key of modes
	Paths []string // files of a mount, or keys of the bucket; read by Width readers
	Width int
	Size  int64 // bytes a read
	Count int   // reads, of mode random
	// Stride is from the beginning of a read to that of the next, of mode strided.
	Stride int64
	// Part is how much of a file is read, of mode seq; 0 is all.
	Part float64
	// Spans are what mode spans reads of each path, in this order.
	Spans [][]span
	// Limit ends the readers, whatever is left to read: the speed of slow tools is
	// known before they are through.
	Limit time.Duration
	// Sum lets the reader of one file compute the CRC of what it read.
	Sum bool
}

// modes make the reads of one file of the size, in their order; n numbers the file
// in its job.
var modes = map[string]func(j job, size int64, n int, yield func(span) bool){
	"seq":         job.seq,
	"interleaved": job.interleaved,
	"random":      job.random,
	"strided":     job.strided,
	"backward":    job.backward,
	"first":       func(_ job, _ int64, _ int, yield func(span) bool) { yield(span{0, 1}) },
	"spans":       job.listed,
}

func (j job) reads(size int64, n int) iter.Seq[span] {
	return func(yield func(span) bool) { modes[j.Mode](j, size, n, yield) }
}

func (j job) check() error {
	if _, ok := modes[j.Mode]; !ok || j.Width < 1 || j.Size < 1 && j.Mode != "first" || j.Mode == "spans" && len(j.Spans) != len(j.Paths) {
		return fmt.Errorf("no such job: %q, %d readers, %d bytes", j.Mode, j.Width, j.Size)
	}
	return nil
}

func (j job) seq(size int64, _ int, yield func(span) bool) {
	end := int64(float64(size) * cmp.Or(j.Part, 1))
	for off := int64(0); off < end; off += j.Size {
		if !yield(span{off, min(j.Size, end-off)}) {
			return
		}
	}
}

// interleaved reads four quarters in turn through one handle, as columnar readers do.
func (j job) interleaved(size int64, _ int, yield func(span) bool) {
	quarter := size / 4
	for off := int64(0); off < quarter; off += j.Size {
		for i := range int64(4) {
			if !yield(span{i*quarter + off, min(j.Size, quarter-off)}) {
				return
			}
		}
	}
}

func (j job) random(size int64, n int, yield func(span) bool) {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	for range j.Count {
		if !yield(span{r.Int64N((size-j.Size)/4096+1) * 4096, j.Size}) {
			return
		}
	}
}

func (j job) strided(size int64, _ int, yield func(span) bool) {
	for off := int64(0); off+j.Size <= size; off += j.Stride {
		if !yield(span{off, j.Size}) {
			return
		}
	}
}

func (j job) backward(size int64, _ int, yield func(span) bool) {
	for end := size; end > 0; end -= j.Size {
		n := min(j.Size, end)
		if !yield(span{end - n, n}) {
			return
		}
	}
}

func (j job) listed(_ int64, n int, yield func(span) bool) {
	for _, s := range j.Spans[n] {
		for _, p := range pieces([]span{s}, j.Size) {
			if !yield(p) {
				return
			}
		}
	}
}
