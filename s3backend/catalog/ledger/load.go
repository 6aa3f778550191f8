package ledger

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
)

const (
	logName, logTemp     = "log", "log.new"
	marksName, marksTemp = "marks", "marks.new"
)

// logFile is a log that is open.
type logFile struct {
	*os.File
	id logID
}

// load looks through the log, and begins a new one where there is none that is sound.
func (l *Ledger) load() (*appender, error) {
	// Of a process that died.
	for _, name := range []string{logTemp, marksTemp} {
		if err := l.cfg.Dir.Remove(name); err != nil {
			return nil, err
		}
	}
	f, err := l.cfg.Dir.Open(logName)
	if errors.Is(err, fs.ErrNotExist) {
		return l.begin()
	}
	if err != nil {
		return nil, err
	}
	s, ok := l.scan(f)
	var marks map[string]int64
	if ok {
		marks, ok = l.loadMarks(s.id)
	}
	if !ok {
		f.Close()
		return l.begin()
	}
	if err := f.Truncate(s.end); err != nil {
		f.Close()
		return nil, err
	}
	s.settle()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bytes.Store(s.end)
	// What was refreshed since Open is newer.
	for path, at := range l.marks {
		marks[path] = at
	}
	l.file, l.marks = &logFile{f, s.id}, marks
	if !l.emptied { // meanwhile
		l.index = s.index
	}
	return &appender{disk: &l.disk, f: f, off: s.end}, nil
}

// begin makes an empty log with an id of its own. The marks come first: a log is
// believed only beside marks that name it.
func (l *Ledger) begin() (*appender, error) {
	var id logID
	_, _ = rand.Read(id[:]) // never fails
	l.mu.Lock()
	marks := l.copyMarksLocked()
	l.mu.Unlock()
	if err := l.saveMarks(id, marks); err != nil {
		return nil, err
	}
	a, err := l.create(id)
	if err == nil {
		err = l.rename(a)
	}
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	old := l.file
	l.file, l.index = &logFile{a.f, id}, newIndex()
	l.bytes.Store(a.off)
	l.mu.Unlock()
	if old != nil {
		old.Close()
	}
	return a, nil
}

// create makes a log that has its name yet to get.
func (l *Ledger) create(id logID) (*appender, error) {
	f, err := l.cfg.Dir.Create(logTemp)
	if err != nil {
		return nil, err
	}
	a := &appender{disk: &l.disk, f: f}
	if err := a.write(encodeLogHeader(id)); err != nil {
		f.Close()
		return nil, err
	}
	return a, nil
}

// rename gives a new log its name when all of it is written.
func (l *Ledger) rename(a *appender) error {
	err := a.flush()
	if err == nil {
		err = l.cfg.Dir.Rename(logTemp, logName)
	}
	if err != nil {
		a.f.Close()
	}
	return err
}
