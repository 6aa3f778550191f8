package blockcache

import (
	"context"
	"encoding/json"
	"io"
)

// FormatJSON is the format.json of another version of the program.
func FormatJSON(version int) []byte {
	raw, err := json.Marshal(newFormat(version, 1<<20))
	if err != nil {
		panic(err)
	}
	return raw
}

// Faults stand between the cache and its disk. A nil one does nothing; the
// others decide whether to call real.
type Faults struct {
	Pread  func(p []byte, off int64, real func() (int, error)) (int, error)
	Pwrite func(p []byte, off int64, real func() (int, error)) (int, error)
	Punch  func(off, n int64, real func() error) error
	Free   func() (int64, error)
	Sync   func() error
	Boot   func() string // this boot and mount
	ZFS    bool          // the cache is told that it lies on ZFS
}

// OpenFaulty is Open with faults.
func OpenFaulty(cfg Config, f Faults) (*Cache, error) {
	sys := realSyscalls()
	real := sys
	if f.Pread != nil {
		sys.pread = func(fd int, p []byte, off int64) (int, error) {
			return f.Pread(p, off, func() (int, error) { return real.pread(fd, p, off) })
		}
	}
	if f.Pwrite != nil {
		sys.pwrite = func(fd int, p []byte, off int64) (int, error) {
			return f.Pwrite(p, off, func() (int, error) { return real.pwrite(fd, p, off) })
		}
	}
	if f.Punch != nil {
		sys.punch = func(fd int, off, n int64) error {
			return f.Punch(off, n, func() error { return real.punch(fd, off, n) })
		}
	}
	if f.Free != nil {
		sys.free = func(int) (int64, error) { return f.Free() }
	}
	if f.Sync != nil {
		sys.sync = func(int) error { return f.Sync() }
	}
	if f.Boot != nil {
		sys.boot = func(int) ([]byte, error) { return []byte(f.Boot()), nil }
	}
	if f.ZFS {
		sys.filesystem = func(int) string { return "zfs" }
	}
	return open(cfg, sys)
}

// SealSize is the length of a map's seal.
const SealSize = sealSize

// HeaderSize is the length of a map's header.
const HeaderSize = headerSize

// EntriesOffset is where the blocks' checksums begin, after the seal.
const EntriesOffset = entriesOffset

// DecodeHeader decodes a map's header and encodes it again.
func DecodeHeader(p []byte) ([]byte, error) {
	h, err := decodeHeader(p)
	if err != nil {
		return nil, err
	}
	return h.encode(), nil
}

// OrderFile is the saved order with these records, and DecodeOrder its inverse.
func OrderFile(records []byte) []byte {
	return encodeOrder(append(make([]byte, orderHeader), records...))
}
func DecodeOrder(raw []byte) []byte { return decodeOrder(raw) }

// CancelAtLastByte runs a flight's first block up to its last byte, cancels the flight
// then, as a reader may who has waited for that byte, and lets the flight end.
func CancelAtLastByte(ctx context.Context, f *Flight, body io.Reader) error {
	_, cancel := context.WithCancel(ctx)
	defer cancel()
	f.start(cancel)
	b := f.nextBlock()
	data, err := f.o.c.mem.acquire(ctx, b.size, f)
	if err != nil {
		return err
	}
	f.startBlock(b, data)
	if err := f.fill(b, data, body); err != nil {
		return err
	}
	f.Cancel()
	f.finishBlock(b)
	f.land(ctx, context.Canceled)
	return nil
}
