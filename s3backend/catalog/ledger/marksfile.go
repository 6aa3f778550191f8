package ledger

import (
	"encoding/binary"
	"time"

	"github.com/minio/crc64nvme"
)

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
