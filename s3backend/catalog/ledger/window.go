package ledger

import (
	"io"
	"os"
)

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
