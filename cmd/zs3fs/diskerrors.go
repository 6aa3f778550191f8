package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/zs3fs/zs3fs/blockcache/zfs"
)

// diskErrorsEvery bounds how long a program may meet EIO of a record that rots
// under a file which the kernel reads without us.
const diskErrorsEvery = 15 * time.Second

// diskErrors watches the pool's counts of errors. What the kernel reads by itself
// fails without our knowing; when the counts have grown, the cache is no longer
// believed, its files are read by the daemon again, and what is damaged is fetched.
type diskErrors struct {
	cancel context.CancelFunc
	done   chan struct{}
}

// watchDiskErrors starts the goroutine that Close ends.
func watchDiskErrors(dataset string, tools *zfs.Tools, distrust func(), log *slog.Logger) *diskErrors {
	ctx, cancel := context.WithCancel(context.Background())
	w := &diskErrors{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		tick := time.NewTicker(diskErrorsEvery)
		defer tick.Stop()
		known, err := tools.Errors(dataset)
		if err != nil {
			log.Debug("the pool's errors cannot be counted", "dataset", dataset, "error", err)
			return
		}
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			now, err := tools.Errors(dataset)
			if err == nil && now > known {
				log.Warn("the pool has met errors: what is cached is verified again", "dataset", dataset, "errors", now-known)
				distrust()
			}
			if err == nil {
				known = now // also after zpool clear
			}
		}
	}()
	return w
}

// Close waits for the goroutine, but not for a program that hangs in the kernel.
func (w *diskErrors) Close() error {
	w.cancel()
	waitFor(w.done, startGrace)
	return nil
}
