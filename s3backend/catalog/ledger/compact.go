package ledger

import (
	"io"
	"maps"

	"github.com/minio/crc64nvme"
)

// smallLog is not worth being written anew for what is dead in it.
const smallLog = 8 << 20

// due reports whether the log is to be written anew: it has come to two thirds of the
// limit, of which the rest is for the new one; or most of it is dead; or the index is
// full.
func (l *Ledger) due(a *appender) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return a.off > l.cfg.Limit/3*2 || a.off > smallLog && l.index.live < a.off/2 || len(l.index.places) > maxRecords
}

// compact writes the log anew when it is due, with what was asked latest: at most a
// third of the limit.
func (l *Ledger) compact(a *appender) (*appender, error) {
	if !l.due(a) {
		return a, nil
	}
	l.mu.Lock()
	now, gen, old := index{maps.Clone(l.index.places), l.index.live}, l.generation, l.file
	l.mu.Unlock()
	// Sorted outside of the lock, that no lookup waits for it.
	keep := now.latest(l.cfg.Limit/3, maxRecords/2)
	var sum int64
	for _, p := range keep {
		sum += p.size()
	}
	if free, err := l.cfg.Dir.Room(); err != nil || free < sum {
		l.mu.Lock()
		l.emptyLocked() // which makes room
		l.mu.Unlock()
		return a, nil
	}
	fresh, err := l.create(old.id)
	if err != nil {
		return a, err
	}
	moved, err := l.move(fresh, old, keep)
	if err == nil {
		err = l.rename(fresh)
	} else {
		fresh.f.Close()
	}
	if err != nil {
		return a, err
	}
	l.mu.Lock()
	if l.generation == gen {
		l.index = moved
	}
	l.file = &logFile{fresh.f, old.id}
	l.bytes.Store(fresh.off)
	l.mu.Unlock()
	old.Close() // frees all its space, which takes its time
	return fresh, nil
}

// move copies records. One that is damaged is left behind.
func (l *Ledger) move(to *appender, from *logFile, keep []placed) (index, error) {
	moved := newIndex()
	for _, p := range keep {
		start := to.off
		r, ok, err := l.moveOne(to, from, p)
		if err != nil {
			return moved, err
		}
		if !ok {
			if err := to.flush(); err != nil {
				return moved, err
			}
			to.off = start
			continue
		}
		moved.apply(r, start)
	}
	if err := to.flush(); err != nil {
		return moved, err
	}
	return moved, to.f.Truncate(to.off)
}

func (l *Ledger) moveOne(to *appender, from *logFile, p placed) (r record, ok bool, err error) {
	raw := make([]byte, recordHeader)
	src := io.NewSectionReader(readerAt{&l.disk, from}, p.offset(), p.size())
	if _, err := io.ReadFull(src, raw); err != nil {
		return r, false, nil
	}
	if r, ok = decodeRecord(raw, from.id); !ok || r.what != recordPut || r.hash != p.hash || r.span() != p.size() {
		return r, false, nil
	}
	r.asked = p.asked
	if err := to.write(r.encode(nil, from.id)); err != nil {
		return r, false, err
	}
	var sum uint64
	buf := make([]byte, min(r.length, windowStep))
	for left := r.length; left > 0; {
		n := min(left, int64(len(buf)))
		if _, err := io.ReadFull(src, buf[:n]); err != nil {
			return r, false, nil
		}
		sum = crc64nvme.Update(sum, buf[:n])
		if err := to.write(buf[:n]); err != nil {
			return r, false, err
		}
		left -= n
	}
	return r, sum == r.sum, to.pad()
}

// readerAt reads through the disk.
type readerAt struct {
	disk *disk
	f    *logFile
}

func (r readerAt) ReadAt(p []byte, off int64) (int, error) { return r.disk.readAt(r.f.File, p, off) }
