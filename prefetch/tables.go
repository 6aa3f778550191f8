package prefetch

import (
	"sync"
	"weak"

	"github.com/zs3fs/zs3fs/prefetch/parquet"
)

// tables are the schemas of which a file was read lately: what is read of it is to be expected
// of the next one. The zero value is empty.
type tables struct {
	mu     sync.Mutex // guards latest; a watch's may be held by who takes it, and is not taken meanwhile
	latest map[parquet.Schema]weak.Pointer[watch]
}

// maxTables is how many schemas are remembered; they are forgotten together, which costs a
// reader of each a wait.
const maxTables = 256

// expect returns what is to be expected of a file of the schema; false for nothing.
func (t *tables) expect(s parquet.Schema) (projection, bool) {
	t.mu.Lock()
	w := t.latest[s].Value()
	t.mu.Unlock()
	if w == nil {
		return projection{}, false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.detector.expect()
}

// tells notes which file of the schema tells what is read: one that was begun with, or left,
// and that knows it by then.
func (t *tables) tells(s parquet.Schema, w *watch) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.latest == nil || len(t.latest) >= maxTables {
		t.latest = make(map[parquet.Schema]weak.Pointer[watch])
	}
	t.latest[s] = weak.Make(w)
}

// hope has a file whose column chunks are known, and that nobody has begun, expect what is
// read of the others of its schema: of the file itself that may be long ago.
func (t *tables) hope(w *watch) {
	s, idle := w.idle()
	if !idle {
		return
	}
	p, ok := t.expect(s)
	w.mu.Lock()
	defer w.mu.Unlock()
	if c := &w.detector.columns; ok && !c.begun {
		c.hope(p)
	}
}
