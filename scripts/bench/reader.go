package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"time"
)

// job is what a reader process is told, as JSON in its first argument: a
// reader never shares a process with the server, nor with the mount.
type job struct {
	Mode  string   // seq, interleaved, random, first
	Paths []string // read concurrently by Width readers
	Width int
	Size  int // bytes a read
	Count int // reads, of mode random
}

// outcome is what it answers on standard output.
type outcome struct {
	Bytes   int64
	Seconds float64
	P50, P9 float64 // milliseconds an operation, where the mode has operations
}

func readMain(arg string) error {
	var j job
	if err := json.Unmarshal([]byte(arg), &j); err != nil {
		return err
	}
	mode, ok := map[string]func(job, string, *tally) error{
		"seq": readSeq, "interleaved": readInterleaved, "random": readRandom, "first": readFirst,
	}[j.Mode]
	if !ok {
		return fmt.Errorf("unknown mode %q", j.Mode)
	}
	var (
		t       tally
		wg      sync.WaitGroup
		paths   = make(chan string)
		failed  = make(chan error, j.Width)
		started = time.Now()
	)
	for range j.Width {
		wg.Go(func() {
			for p := range paths {
				if err := mode(j, p, &t); err != nil {
					failed <- err
					for range paths {
					}
					return
				}
			}
		})
	}
	for _, p := range j.Paths {
		paths <- p
	}
	close(paths)
	wg.Wait()
	close(failed)
	if err := <-failed; err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(t.outcome(time.Since(started)))
}

// tally collects what the readers did.
type tally struct {
	mu    sync.Mutex // guards the fields below
	bytes int64
	took  []time.Duration
}

func (t *tally) add(n int, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bytes += int64(n)
	t.took = append(t.took, took)
}

func (t *tally) outcome(all time.Duration) outcome {
	o := outcome{Bytes: t.bytes, Seconds: all.Seconds()}
	if len(t.took) > 0 {
		slices.Sort(t.took)
		ms := func(q float64) float64 { return t.took[int(q*float64(len(t.took)-1))].Seconds() * 1000 }
		o.P50, o.P9 = ms(0.5), ms(0.9)
	}
	return o
}

// timed reads len(p) bytes at off, fewer only at the end of the file.
func timed(f *os.File, p []byte, off int64, t *tally) error {
	start := time.Now()
	n, err := f.ReadAt(p, off)
	if n == 0 && err != nil {
		return err
	}
	t.add(n, time.Since(start))
	return nil
}

func readSeq(j job, path string, t *tally) error {
	f, size, err := open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	p := make([]byte, j.Size)
	for off := int64(0); off < size; off += int64(len(p)) {
		if err := timed(f, p[:min(int64(len(p)), size-off)], off, t); err != nil {
			return err
		}
	}
	return nil
}

// readInterleaved reads four quarters of a file in turn through one handle, as a
// columnar reader does.
func readInterleaved(j job, path string, t *tally) error {
	f, size, err := open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	p := make([]byte, j.Size)
	quarter := size / 4
	for off := int64(0); off < quarter; off += int64(len(p)) {
		for i := range int64(4) {
			if err := timed(f, p[:min(int64(len(p)), quarter-off)], i*quarter+off, t); err != nil {
				return err
			}
		}
	}
	return nil
}

func readRandom(j job, path string, t *tally) error {
	f, size, err := open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r := rand.New(rand.NewPCG(1, 2))
	p := make([]byte, j.Size)
	for range j.Count {
		off := r.Int64N((size-int64(len(p)))/4096) * 4096
		if err := timed(f, p, off, t); err != nil {
			return err
		}
	}
	return nil
}

// readFirst times open and the first byte.
func readFirst(_ job, path string, t *tally) error {
	start := time.Now()
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	n, err := f.ReadAt(make([]byte, 1), 0)
	if err != nil {
		return err
	}
	t.add(n, time.Since(start))
	return nil
}

func open(path string) (*os.File, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, st.Size(), nil
}
