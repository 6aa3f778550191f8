package ledger

import (
	"errors"

	"golang.org/x/sys/unix"
)

// run is the one goroutine that writes.
func (l *Ledger) run() {
	a, err := l.load()
	close(l.ready)
	if err != nil {
		l.end(err)
	}
	for {
		<-l.work
		t := l.take()
		if t.ended {
			gone := l.remove(a, t.closing)
			l.release(t)
			if gone || t.closing {
				return
			}
			continue // the disk may be better at the end
		}
		if a, err = l.step(a, t); err != nil {
			l.end(err)
		}
		l.release(t)
		if t.closing && err == nil {
			a.f.Close()
			return
		}
	}
}

// task is what there was to do at one moment.
type task struct {
	emptied, unsaved, closing, ended bool
	marks                            map[string]int64
	waiting                          []chan struct{}
	queue                            []op
	generation                       int
}

func (l *Ledger) take() task {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := task{l.emptied, l.unsaved, l.closing, l.ended, nil, l.waiting, l.queue, l.generation}
	if t.unsaved {
		t.marks = l.copyMarksLocked()
	}
	l.emptied, l.unsaved, l.waiting, l.queue, l.queued = false, false, nil, nil, 0
	l.writing = true
	return t
}

func (l *Ledger) release(t task) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writing = false
	for _, c := range t.waiting {
		close(c)
	}
}

// step does what there is to do.
func (l *Ledger) step(a *appender, t task) (*appender, error) {
	if t.emptied {
		var err error
		if a, err = l.begin(); err != nil {
			return a, err
		}
	}
	if t.unsaved && !t.emptied {
		if err := l.saveMarks(l.file.id, t.marks); err != nil {
			return a, err
		}
	}
	if err := l.append(a, t); err != nil {
		return a, err
	}
	return l.compact(a)
}

// remove takes the files away after the end, and reports whether they are. If not even
// the last attempt succeeds, what was dropped or refreshed since may come back with the
// next mount.
func (l *Ledger) remove(a *appender, last bool) bool {
	l.mu.Lock()
	file := l.file
	l.file = nil
	l.bytes.Store(0)
	l.mu.Unlock()
	if file != nil {
		file.Close()
	} else if a != nil {
		a.f.Close()
	}
	err := Remove(l.cfg.Dir)
	if err != nil && last && !errors.Is(err, unix.EROFS) {
		l.cfg.Logger.Warn("cannot remove the names on disk", "err", err)
	}
	return err == nil
}

// Remove removes a ledger that is not open.
func Remove(d Dir) error {
	var errs error
	for _, name := range []string{logName, logTemp, marksName, marksTemp} {
		errs = errors.Join(errs, d.Remove(name))
	}
	return errs
}
