package ledger

import (
	"github.com/minio/crc64nvme"
)

// entry is a record that is written, and waits to be entered into the index.
type entry struct {
	record
	off int64
}

// batch is what is on its way to the disk.
type batch struct {
	l       *Ledger
	a       *appender
	id      logID
	gen     int
	entries []entry
	hashes  map[uint64]bool // of entries
}

// append writes what has waited.
func (l *Ledger) append(a *appender, t task) error {
	if len(t.queue) == 0 {
		return nil
	}
	free, err := l.cfg.Dir.Room()
	if err != nil {
		return err
	}
	end := min(l.cfg.Limit, a.off+free)
	b := batch{l: l, a: a, id: l.file.id, gen: t.generation, hashes: map[uint64]bool{}}
	for i := range t.queue {
		o := &t.queue[i]
		if o.what == recordPut && a.off+spanOf(o.size()) > end {
			l.leftOut.Add(1)
			continue
		}
		if err := b.add(o); err != nil {
			return err
		}
		t.queue[i] = op{} // a listing need not wait for the others
	}
	return b.commit()
}

func (b *batch) add(o *op) error {
	if b.hashes[o.hash] || len(b.entries) == 1024 {
		if err := b.commit(); err != nil {
			return err
		}
	}
	if o.what == recordDrop {
		return b.put(record{what: recordDrop, hash: o.hash}, nil)
	}
	r := record{what: recordPut, hash: o.hash, asked: o.asked, length: o.size()}
	for _, p := range o.parts {
		r.sum = crc64nvme.Update(r.sum, p)
	}
	b.l.mu.Lock()
	old, known := b.l.index.places[o.hash]
	b.l.mu.Unlock()
	switch {
	case known && old.asked >= r.asked:
		return nil
	case known && b.same(old, r):
		// A large directory that is listed every minute and never changes.
		return b.put(record{what: recordRenewal, hash: r.hash, asked: r.asked, length: old.offset()}, nil)
	}
	return b.put(r, o.parts)
}

// same reports whether the record at a place says the same.
func (b *batch) same(old place, r record) bool {
	if old.sum != uint32(r.sum) || old.size() != r.span() {
		return false
	}
	raw := make([]byte, recordHeader)
	if _, err := b.a.disk.readAt(b.a.f, raw, old.offset()); err != nil {
		return false
	}
	got, ok := decodeRecord(raw, b.id)
	return ok && got.what == recordPut && got.hash == r.hash && got.length == r.length && got.sum == r.sum
}

func (b *batch) put(r record, parts [][]byte) error {
	b.entries = append(b.entries, entry{r, b.a.off})
	b.hashes[r.hash] = true
	if err := b.a.write(r.encode(nil, b.id)); err != nil {
		return err
	}
	for _, p := range parts {
		if err := b.a.write(p); err != nil {
			return err
		}
	}
	return b.a.pad()
}

// commit has the records be found.
func (b *batch) commit() error {
	if err := b.a.flush(); err != nil {
		return err
	}
	l := b.l
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bytes.Store(b.a.off)
	if l.generation == b.gen {
		for _, e := range b.entries {
			l.index.apply(e.record, e.off)
			if e.what == recordDrop {
				l.drops--
				if l.doomed[e.hash]--; l.doomed[e.hash] == 0 {
					delete(l.doomed, e.hash)
				}
			}
		}
	}
	b.entries = b.entries[:0]
	clear(b.hashes)
	return nil
}
