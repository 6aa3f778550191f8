package ledger

import (
	"context"
	"time"
)

// Asked returns when the question was asked whose answer is kept. It asks the index
// only; before the log has been looked through it knows nothing.
func (l *Ledger) Asked(kind byte, path string) (time.Time, bool) {
	_, hash := keyOf(l.view, kind, path)
	l.mu.Lock()
	defer l.mu.Unlock()
	p, ok := l.placeLocked(hash)
	return believed(p.asked), ok && !l.coveredLocked(path, p.asked)
}

func (l *Ledger) placeLocked(hash uint64) (place, bool) {
	p, ok := l.index.places[hash]
	return p, ok && l.file != nil && l.doomed[hash] == 0
}

// Lacks reports whether Get would surely find nothing: it asks the index only.
func (l *Ledger) Lacks(kind byte, path string, since time.Time) bool {
	select {
	case <-l.ready:
	default:
		return false
	}
	_, hash := keyOf(l.view, kind, path)
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _, ok := l.findLocked(hash, path, since)
	return !ok
}

// findLocked returns the place of an answer that may be given.
func (l *Ledger) findLocked(hash uint64, path string, since time.Time) (p place, asked time.Time, ok bool) {
	p, ok = l.placeLocked(hash)
	asked = believed(p.asked)
	return p, asked, ok && !l.closing && !asked.Round(0).Before(since.Round(0)) && !l.coveredLocked(path, p.asked)
}

// believed is a question's moment as a time; the future is not believed, and is taken
// as long ago.
func believed(asked int64) time.Time {
	now := time.Now()
	if asked > now.UnixNano() {
		return time.Unix(0, 0)
	}
	// With a monotonic reading, so that it ages whatever the clock does.
	return now.Add(time.Duration(asked - now.UnixNano()))
}

// Get returns the answer to a question asked at since or later. The body is the
// caller's.
func (l *Ledger) Get(kind byte, path string, since time.Time) (body []byte, asked time.Time, ok bool) {
	key, hash := keyOf(l.view, kind, path)
	wait(l.ready, time.Until(l.begun.Add(startWait)))
	for range 3 { // the log may be written anew meanwhile
		l.mu.Lock()
		p, asked, found := l.findLocked(hash, path, since)
		file := l.file
		if !found {
			l.mu.Unlock()
			return nil, time.Time{}, false
		}
		l.done.Add(1)
		l.mu.Unlock()
		body, again := l.fetch(file, p, hash, key)
		if !again {
			return body, asked, body != nil
		}
	}
	return nil, time.Time{}, false
}

// fetch reads a record in a goroutine of its own, which a disk that hangs keeps.
func (l *Ledger) fetch(file *logFile, p place, hash uint64, key []byte) (body []byte, again bool) {
	type result struct {
		body []byte
		err  error
	}
	results := make(chan result, 1)
	go func() {
		defer l.done.Done()
		body, err := l.disk.readBody(file, p, hash, key)
		results <- result{body, err}
	}()
	timer := time.NewTimer(readWait)
	defer timer.Stop()
	var r result
	select {
	case r = <-results:
	case <-timer.C:
		r.err = context.DeadlineExceeded
	}
	switch {
	case r.err == nil:
		l.found.Add(1)
	case closed(r.err):
		return nil, true
	case damaged(r.err):
		l.damaged.Add(1)
		l.mu.Lock()
		if l.index.places[hash] == p {
			l.index.drop(hash)
		}
		l.mu.Unlock()
	default:
		l.end(r.err)
	}
	return r.body, false
}
