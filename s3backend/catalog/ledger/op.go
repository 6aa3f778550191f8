package ledger

import (
	"time"
)

// op is something to be written: a put, or a drop, which has no body.
type op struct {
	what  byte
	hash  uint64
	asked int64
	parts [][]byte // key and body
}

func (o *op) size() (n int64) {
	for _, p := range o.parts {
		n += int64(len(p))
	}
	return n
}

// Put keeps the answer to a question asked then, instead of older ones. The parts of
// the body are one after another; they are the ledger's and stay as they are.
func (l *Ledger) Put(kind byte, path string, asked time.Time, body ...[]byte) {
	key, hash := keyOf(l.view, kind, path)
	o := op{recordPut, hash, max(asked.UnixNano(), 0), append([][]byte{key}, body...)}
	l.mu.Lock()
	defer l.mu.Unlock()
	size := o.size()
	switch {
	case l.ended || l.closing:
	case size > l.cfg.Limit/4, l.queued > 0 && l.queued+size > maxQueue:
		l.leftOut.Add(1)
	default:
		l.queued += size
		l.addLocked(o)
	}
}

// Drop has the answer not be there any more.
func (l *Ledger) Drop(kind byte, path string) {
	_, hash := keyOf(l.view, kind, path)
	l.mu.Lock()
	defer l.mu.Unlock()
	_, known := l.index.places[hash]
	switch {
	case l.ended, l.file != nil && !known && !l.writing && len(l.queue) == 0:
		return
	case l.drops == maxDrops:
		l.emptyLocked()
		return
	}
	l.drops++
	l.doomed[hash]++
	l.addLocked(op{what: recordDrop, hash: hash})
}

func (l *Ledger) addLocked(o op) {
	l.queue = append(l.queue, o)
	l.nudge()
}
