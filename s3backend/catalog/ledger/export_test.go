package ledger

import "os"

// Idle reports whether the log is looked through and all that was put is written.
func (l *Ledger) Idle() bool {
	select {
	case <-l.ready:
	default:
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.writing && len(l.queue) == 0 && !l.emptied && len(l.work) == 0 || l.ended && l.file == nil
}

// OpenFaulty opens a ledger whose reads and writes go through the given.
func OpenFaulty(cfg Config, readAt, writeAt func(f *os.File, p []byte, off int64) (int, error)) *Ledger {
	d := realDisk()
	if readAt != nil {
		d.readAt = readAt
	}
	if writeAt != nil {
		d.writeAt = writeAt
	}
	return open(cfg, d)
}

// Place returns where the record of a node lies.
func (l *Ledger) Place(path string) (off, size int64) {
	_, hash := keyOf(l.view, 'n', path)
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.index.places[hash]
	return p.offset(), p.size()
}

// ReadWait is how long a question waits for the disk.
const ReadWait = readWait
