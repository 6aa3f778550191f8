package main

import (
	"context"
	"time"
)

// periodic is a goroutine that does something now and then.
type periodic struct {
	cancel context.CancelFunc
	done   chan struct{}
}

// every starts the goroutine that Close ends: it calls do at once, and from then on
// each interval, one call at a time.
func every(interval time.Duration, do func()) *periodic {
	ctx, cancel := context.WithCancel(context.Background())
	p := &periodic{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			do()
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	return p
}

// Close waits for the goroutine, but not for a disk, or a program, that hangs in the
// kernel, as on a suspended pool: then it ends with the process.
func (p *periodic) Close() error {
	p.cancel()
	waitFor(p.done, startGrace)
	return nil
}
