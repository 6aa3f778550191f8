package main

import (
	"log/slog"
	"os"
	"time"

	"github.com/zs3fs/zs3fs/fusefs"
)

// watch returns when the mount has ended: from outside, or because of a signal.
func watch(m *fusefs.Mount, o *Options, signals <-chan os.Signal, log *slog.Logger) error {
	select {
	case <-m.Done():
		if top, err := mountAt(o.Dir); err == nil && top != nil && top.FSType == fsType && dead(o.Dir) {
			_ = detachDead(o.Dir)
			return fail(Aborted, "the kernel's connection of the mount on %s was aborted", o.Dir)
		}
		return nil
	case sig := <-signals:
		log.Info("unmounting", "signal", sig.String())
	}
	return unmountOnSignal(m, o, signals, log)
}

// unmountOnSignal unmounts; while files are open it tries again for
// --unmount-timeout, then detaches the mount. A second signal ends it at once.
func unmountOnSignal(m *fusefs.Mount, o *Options, signals <-chan os.Signal, log *slog.Logger) error {
	deadline := time.After(o.Mount.UnmountTimeout)
	for m.Unmount() != nil {
		select {
		case <-m.Done(): // somebody else did
			return nil
		case <-time.After(retryEvery):
			continue
		case <-signals:
			return force(m, o)
		case <-deadline:
		}
		log.Warn("files are open: detaching the mount", "on", o.Dir)
		if err := m.Detach(); err != nil {
			log.Error("cannot detach the mount", "error", err)
		}
		if err := awaitUnmounted(m, o, signals, log); err != nil {
			return err
		}
		return fail(Detached, "files on %s stayed open: the mount was detached", o.Dir)
	}
	return awaitUnmounted(m, o, signals, log)
}

// awaitUnmounted waits --unmount-timeout for the end of a mount that is out of the tree,
// and then aborts it. The kernel keeps it for open files and for the copies that other
// mount namespaces have; and a request may hang on the cache's disk.
func awaitUnmounted(m *fusefs.Mount, o *Options, signals <-chan os.Signal, log *slog.Logger) error {
	select {
	case <-m.Done():
		return nil
	case <-signals:
		return force(m, o)
	case <-time.After(o.Mount.UnmountTimeout):
	}
	log.Warn("the mount is out of the tree and still in use, by open files or in another mount namespace: aborting it", "on", o.Dir)
	if err := m.Abort(); err != nil {
		log.Error("cannot abort the mount", "error", err)
	}
	waitFor(m.Done(), startGrace)
	return fail(Detached, "what was mounted on %s stayed in use: it was detached and aborted", o.Dir)
}

func force(m *fusefs.Mount, o *Options) error {
	// In this order: what is aborted counts as ended, and would stay in the tree.
	_ = m.Detach()
	_ = m.Abort()
	waitFor(m.Done(), startGrace)
	return fail(Forced, "a second signal ended the mount on %s while it was in use", o.Dir)
}

func waitFor(ended <-chan struct{}, limit time.Duration) {
	select {
	case <-ended:
	case <-time.After(limit):
	}
}
