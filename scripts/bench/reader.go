package main

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// readMain is a reader process.
func readMain() error {
	var j job
	if err := json.NewDecoder(os.Stdin).Decode(&j); err != nil {
		return err
	}
	if err := j.check(); err != nil {
		return err
	}
	o, err := perform(j, func(n int, path string, t *tally, until time.Time) (uint32, error) {
		return readFile(j, n, path, t, until)
	})
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(o)
}

// perform lets the job's threads take its files in turn.
func perform(j job, one func(n int, path string, t *tally, until time.Time) (uint32, error)) (outcome, error) {
	var (
		wg      sync.WaitGroup
		next    = make(chan int)
		tallies = make([]tally, j.Width)
		sums    = make([]uint32, j.Width)
		failed  = make(chan error, j.Width)
		start   = time.Now()
		until   = start.Add(j.Limit)
	)
	for i := range tallies {
		wg.Go(func() {
			for n := range next {
				sum, err := one(n, j.Paths[n], &tallies[i], until)
				if sums[i] = sum; err != nil {
					failed <- err
					for range next {
					}
					return
				}
			}
		})
	}
	for n := range j.Paths {
		if j.over(until) {
			break
		}
		next <- n
	}
	close(next)
	wg.Wait()
	ran := time.Since(start)
	close(failed)
	if err := <-failed; err != nil {
		return outcome{}, err
	}
	o := merge(tallies, ran)
	o.Sum = sums[0]
	return o, nil
}

// over says that the job's time is over.
func (j job) over(until time.Time) bool { return j.Limit > 0 && time.Now().After(until) }

// readFile does the job's reads of one file; the first is timed with the open.
func readFile(j job, n int, path string, t *tally, until time.Time) (sum uint32, err error) {
	start := time.Now()
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	size := int64(1)
	if j.Mode != "first" {
		st, err := f.Stat()
		if err != nil {
			return 0, err
		}
		size = st.Size()
	}
	t.open(path)
	p := make([]byte, max(j.Size, 1))
	for s := range j.reads(size, n) {
		if got, err := f.ReadAt(p[:s.Len], s.Off); int64(got) < s.Len {
			return 0, fmt.Errorf("%s: %d of %d bytes at %d: %w", path, got, s.Len, s.Off, err)
		}
		now := time.Now()
		t.add(s, now.Sub(start))
		if j.Sum {
			sum = crc32.Update(sum, castagnoli(), p[:s.Len])
		}
		if start = now; j.over(until) {
			break
		}
	}
	return sum, nil
}

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// runJobs runs a process a job, all at once.
func runJobs(ctx context.Context, jobs []job) (outcome, error) {
	var (
		wg   sync.WaitGroup
		all  = make([]outcome, len(jobs))
		errs = make([]error, len(jobs))
	)
	for i, j := range jobs {
		wg.Go(func() {
			answer, state, err := child(ctx, "read", j)
			if err == nil {
				err = json.Unmarshal(answer, &all[i])
				all[i].ReaderCPU = state.UserTime() + state.SystemTime()
			}
			errs[i] = err
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return outcome{}, err
		}
	}
	return join(all), nil
}

// child runs this program as something else, and returns its answer.
func child(ctx context.Context, as string, input any) ([]byte, *os.ProcessState, error) {
	text, err := json.Marshal(input)
	if err != nil {
		return nil, nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	var complaint strings.Builder
	cmd := exec.CommandContext(ctx, self, as)
	cmd.Stdin, cmd.Stderr = strings.NewReader(string(text)), &complaint
	cmd.Env = credentials()
	// A read of a mount that hangs is not interrupted by a signal.
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w: %s", as, err, strings.TrimSpace(complaint.String()))
	}
	return out, cmd.ProcessState, nil
}
