package ledger

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/minio/crc64nvme"
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

// window reads a file in large steps.
type window struct {
	disk *disk
	f    *os.File
	off  int64
	buf  []byte
}

const windowStep = 256 << 10

// at returns n bytes, at most windowStep, which stay until the next call.
func (w *window) at(off, n int64) ([]byte, error) {
	if off < w.off || off+n > w.off+int64(len(w.buf)) {
		if w.buf == nil {
			w.buf = make([]byte, windowStep)
		}
		w.buf = w.buf[:windowStep]
		got, err := w.disk.readAt(w.f, w.buf, off)
		w.off, w.buf = off, w.buf[:got]
		if int64(got) < n {
			return nil, cmpOr(err, io.ErrUnexpectedEOF)
		}
	}
	return w.buf[off-w.off:][:n], nil
}

func cmpOr(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// holds reports whether there is a record from off on.
func (w *window) holds(id logID, off, size int64) bool {
	for ; off+recordHeader <= size; off += align {
		raw, err := w.at(off, recordHeader)
		if err != nil {
			return true // what cannot be read is not believed
		}
		if _, ok := decodeRecord(raw, id); ok {
			return true
		}
	}
	return false
}

// The marks, little endian: 8 bytes magic, 4 version, 16 the log's id, records of 8
// bytes Unix ns, 4 bytes length and the path, and 8 bytes CRC64NVME of all before.
const (
	marksHeader  = 28
	marksVersion = 1
	maxMarksFile = maxMarks * (12 + 1100)
)

var marksMagic = []byte("zs3fsmrk")

// saveMarks writes the marks down for certain: a refreshed path must not come back
// after a power cut either.
func (l *Ledger) saveMarks(id logID, marks map[string]int64) error {
	raw := append([]byte{}, marksMagic...)
	raw = binary.LittleEndian.AppendUint32(raw, marksVersion)
	raw = append(raw, id[:]...)
	for path, at := range marks {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(at))
		raw = binary.LittleEndian.AppendUint32(raw, uint32(len(path)))
		raw = append(raw, path...)
	}
	raw = binary.LittleEndian.AppendUint64(raw, crc64nvme.Checksum(raw))
	f, err := l.cfg.Dir.Create(marksTemp)
	if err != nil {
		return err
	}
	_, err = l.disk.writeAt(f, raw, 0)
	if err == nil && len(marks) > 0 {
		err = f.Sync()
	}
	f.Close()
	if err == nil {
		err = l.cfg.Dir.Rename(marksTemp, marksName)
	}
	if err == nil && len(marks) > 0 {
		err = l.cfg.Dir.Sync()
	}
	return err
}

// loadMarks returns the marks beside the log of that id, if all is right with them.
func (l *Ledger) loadMarks(id logID) (map[string]int64, bool) {
	f, err := l.cfg.Dir.Open(marksName)
	if err != nil {
		return nil, false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() < marksHeader+8 || info.Size() > maxMarksFile {
		return nil, false
	}
	raw := make([]byte, info.Size())
	if _, err := l.disk.readAt(f, raw, 0); err != nil {
		return nil, false
	}
	return decodeMarks(raw, id, time.Now().UnixNano())
}

func decodeMarks(raw []byte, id logID, now int64) (map[string]int64, bool) {
	body := raw[:len(raw)-8]
	if binary.LittleEndian.Uint64(raw[len(body):]) != crc64nvme.Checksum(body) ||
		string(body[:8]) != string(marksMagic) || binary.LittleEndian.Uint32(body[8:]) != marksVersion ||
		logID(body[12:marksHeader]) != id {
		return nil, false
	}
	marks := map[string]int64{}
	for body = body[marksHeader:]; len(body) > 0; {
		if len(body) < 12 {
			return nil, false
		}
		at, n := int64(binary.LittleEndian.Uint64(body)), int64(binary.LittleEndian.Uint32(body[8:]))
		if body = body[12:]; n > int64(len(body)) {
			return nil, false
		}
		// One from the future, after the clock was set back, would cover what is
		// asked from now on.
		marks[string(body[:n])] = min(at, now)
		body = body[n:]
	}
	return marks, true
}
