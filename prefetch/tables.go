package prefetch

import (
	"sync"
	"weak"

	"github.com/zs3fs/zs3fs/prefetch/parquet"
)

// tables are the schemas of which a file's footer was read lately: what is read of it is to
// be expected of the next one. The zero value is empty.
type tables struct {
	mu     sync.Mutex // guards latest; may be taken while a watch's is held, and not the other way round
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

// learnt notes of which file of the schema a footer was read last.
func (t *tables) learnt(s parquet.Schema, w *watch) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.latest == nil || len(t.latest) >= maxTables {
		t.latest = make(map[parquet.Schema]weak.Pointer[watch])
	}
	t.latest[s] = weak.Make(w)
}
