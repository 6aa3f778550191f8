package ledger

import (
	"os"
	"time"
)

// scan is what is known of a log that was looked through.
type scan struct {
	id     logID
	index  index
	end    int64 // of the last record that is whole
	newest int64 // question
}

// settle asks the clock: when it stands before the newest question, it was set back, and
// nothing's age is known.
func (s *scan) settle() {
	if s.newest <= time.Now().UnixNano() {
		return
	}
	for h, p := range s.index.places {
		p.asked = 0
		s.index.places[h] = p
	}
}

// scan reads the records' headers. A log that ends in the middle of a record was
// written when the process died, and is good up to there. A bad header with good
// records behind it is damage, which may have been a drop: then nothing before it can
// be believed, and little is lost with the rest.
func (l *Ledger) scan(f *os.File) (s scan, sound bool) {
	w := window{disk: &l.disk, f: f}
	info, err := f.Stat()
	if err != nil || info.Size() > maxLog {
		return s, false
	}
	size := info.Size()
	raw, err := w.at(0, logHeader)
	if err != nil {
		return s, false
	}
	if s.id, sound = decodeLogHeader(raw); !sound {
		return s, false
	}
	s.index, s.end = newIndex(), logHeader
	for s.end+recordHeader <= size {
		raw, err := w.at(s.end, recordHeader)
		if err != nil {
			return s, false
		}
		r, ok := decodeRecord(raw, s.id)
		if !ok {
			return s, !w.holds(s.id, s.end+align, size)
		}
		if s.end+r.span() > size {
			break
		}
		s.index.apply(r, s.end)
		s.end += r.span()
		s.newest = max(s.newest, r.asked)
	}
	return s, true
}
