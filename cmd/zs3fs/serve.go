package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/fusefs"
)

const (
	// Between attempts to unmount, or to get the cache.
	retryEvery = 100 * time.Millisecond
	// For what cannot be cancelled to notice that it is late.
	startGrace = 2 * time.Second
	// For the chain to end its goroutines and write out its queue.
	closeTimeout = 15 * time.Second
)

// serve mounts, tells the parent or the supervisor, and returns when the mount has ended.
func serve(o *Options, parent *parentLink, service supervisor) error {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM)
	defer signal.Stop(signals)
	ignoreSignals()
	if err := o.Cache.findDataset(); err != nil {
		return err
	}
	// Before the log is opened, which may lie where it must not.
	if err := checkOverlap(o); err != nil {
		return err
	}
	hangup := make(chan os.Signal, 1)
	if o.Log.File != "" {
		// For good: without anybody to take it, the next one would end the mount.
		signal.Notify(hangup, unix.SIGHUP)
	}
	log, closer, err := openLog(o, parent != nil, hangup)
	if err != nil {
		return err
	}
	defer closer.Close()
	for _, w := range o.Mount.Warnings {
		log.Warn(w)
	}
	metrics, err := listenMetrics(o.Mount.Metrics)
	if err != nil {
		return err
	}
	k := startKeeper(o.Dir, log)
	defer k.release()
	c, m, err := startInTime(o, log)
	if err != nil {
		if metrics != nil {
			metrics.Close()
		}
		return err
	}
	defer closeInTime(c, log)
	// go-fuse opens its connection so that children would have it too, and keep a
	// killed daemon's readers waiting.
	closeOnExec()
	k.arm(o.Dir, log)
	op := operate(o, c, m, metrics, log)
	log.Info("mounted", "source", o.Source.String(), "as-of", o.AsOf.String(), "on", o.Dir, "endpoint", c.client.Endpoint(),
		"cache", o.Cache.Dir, "filesystem", c.cache.Filesystem(), "dataset", c.dataset, "cache-size", c.budget,
		"block-size", o.Cache.BlockSize, "memory", c.memory.Limit(), "connections", o.Read.Connections)
	parent.ready()
	service.tell("READY=1", log)
	err = watch(m, o, signals, log)
	service.tell("STOPPING=1", log)
	if err := op.Close(); err != nil {
		log.Warn("closing the control socket", "error", err)
	}
	// Before the cache is closed, which may take a while: another mount may come.
	k.release()
	log.Info("unmounted", "on", o.Dir, "code", int(codeOf(err)), "cache", c.cache.Stats(), "requests", c.crew.Stats(), "files", c.files.Stats(), "kernel", m.Stats())
	return err
}

// startInTime is start within --mount-timeout, whatever hangs.
func startInTime(o *Options, log *slog.Logger) (*chain, *fusefs.Mount, error) {
	ctx, cancel := context.WithTimeout(context.Background(), o.Mount.Timeout)
	defer cancel()
	ctx, stop := signal.NotifyContext(ctx, unix.SIGINT, unix.SIGTERM)
	defer stop()
	type result struct {
		c   *chain
		m   *fusefs.Mount
		err error
	}
	before, _ := mountAt(o.Dir)
	results := make(chan result, 1)
	go func() {
		c, m, err := start(ctx, o, log)
		results <- result{c, m, err}
	}()
	var late <-chan time.Time
	done := ctx.Done()
	for {
		select {
		case r := <-results:
			if r.err != nil {
				r.err = startError(ctx, r.err)
			}
			return r.c, r.m, r.err
		case <-done:
			done, late = nil, time.After(startGrace)
		case <-late:
			// The process ends now and takes the rest with it, but for the mount.
			if top, _ := mountAt(o.Dir); top != nil && top.FSType == fsType && (before == nil || before.ID != top.ID) {
				_ = unmountPath(o.Dir, unix.MNT_DETACH)
			}
			return nil, nil, startError(ctx, fail(MountTimeout, "the mount was not ready within %v (--mount-timeout)", o.Mount.Timeout))
		}
	}
}

// startError is the error of a start that a signal interrupted, or err.
func startError(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return fail(Failed, "interrupted before the mount was ready")
	}
	return err
}

func start(ctx context.Context, o *Options, log *slog.Logger) (*chain, *fusefs.Mount, error) {
	if err := checkMountPoint(o); err != nil {
		return nil, nil, err
	}
	c, err := build(ctx, o, log)
	if err != nil {
		return nil, nil, err
	}
	unlock := lockMountPoint(o.Dir)
	m, err := fusefs.New(o.Dir, c.mountConfig(o, log))
	unlock()
	if err == nil && ctx.Err() != nil {
		// Too late: the caller has gone, or is about to.
		_ = m.Detach()
		err = context.Cause(ctx)
	}
	if err != nil {
		_ = c.Close()
		_ = detachDead(o.Dir)
		return nil, nil, mountError(err, o)
	}
	return c, m, nil
}

func mountError(err error, o *Options) error {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fail(MountTimeout, "the mount was not ready within %v (--mount-timeout)", o.Mount.Timeout)
	case errors.Is(err, unix.ENOENT):
		return fail(NoMountPoint, "mount point %s does not exist: run: mkdir %s (%v)", o.Dir, o.Dir, err)
	case errors.Is(err, unix.ENOTDIR):
		return fail(NotDirectory, "mount point %s is not a directory (%v)", o.Dir, err)
	case errors.Is(err, unix.EINVAL):
		return fail(MountRefused, "the kernel refused the mount on %s: %v; check the mount options %q", o.Dir, err, o.Mount.Kernel)
	}
	return fail(MountRefused, "the mount on %s failed: %v", o.Dir, err)
}

// closeInTime takes the chain down; what still hangs then ends with the process.
func closeInTime(c *chain, log *slog.Logger) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := c.Close(); err != nil {
			log.Warn("closing", "error", err)
		}
	}()
	waitFor(done, closeTimeout)
}

// retry calls f until it succeeds, does not want to be called again, or ctx ends.
func retry(ctx context.Context, f func() (again bool, err error)) error {
	for {
		again, err := f()
		if err == nil || !again {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(retryEvery):
		}
	}
}
