package ledger

import (
	"bytes"
	"errors"
	"io"
	"os"

	"github.com/minio/crc64nvme"
)

// disk is what touches bytes of files; tests put failing and hanging ones here.
type disk struct {
	readAt  func(f *os.File, p []byte, off int64) (int, error)
	writeAt func(f *os.File, p []byte, off int64) (int, error)
}

func realDisk() disk {
	return disk{(*os.File).ReadAt, (*os.File).WriteAt}
}

var errDamaged = errors.New("ledger: damaged record")

func damaged(err error) bool { return errors.Is(err, errDamaged) || errors.Is(err, io.EOF) }

func closed(err error) bool { return errors.Is(err, os.ErrClosed) }

// readBody reads a record, and returns its body if it is whole and that key's.
func (d *disk) readBody(f *logFile, p place, hash uint64, key []byte) ([]byte, error) {
	raw := make([]byte, p.size())
	if _, err := d.readAt(f.File, raw, p.offset()); err != nil {
		return nil, err
	}
	r, ok := decodeRecord(raw, f.id)
	if !ok || r.what != recordPut || r.hash != hash || r.span() != p.size() {
		return nil, errDamaged
	}
	payload := raw[recordHeader : recordHeader+r.length]
	// The key is compared whole: two may have one hash.
	if crc64nvme.Checksum(payload) != r.sum || !bytes.HasPrefix(payload, key) {
		return nil, errDamaged
	}
	return payload[len(key):], nil
}

// appender appends to a file through a buffer.
type appender struct {
	disk *disk
	f    *os.File
	off  int64 // of the buffer's end
	buf  []byte
}

// appendStep is how much is written at once.
const appendStep = 256 << 10

func (a *appender) write(p []byte) error {
	for len(p) > 0 {
		n := min(len(p), appendStep-len(a.buf))
		a.buf = append(a.buf, p[:n]...)
		a.off += int64(n)
		p = p[n:]
		if len(a.buf) == appendStep {
			if err := a.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// pad goes to the place of the next record.
func (a *appender) pad() error {
	var zeros [align]byte
	return a.write(zeros[:(align-a.off%align)%align])
}

func (a *appender) flush() error {
	if len(a.buf) == 0 {
		return nil
	}
	_, err := a.disk.writeAt(a.f, a.buf, a.off-int64(len(a.buf)))
	a.buf = a.buf[:0]
	return err
}
