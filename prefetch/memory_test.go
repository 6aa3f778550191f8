package prefetch_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// F86: many readers, each of a file of its own, share a memory that holds two
// blocks for each. Nobody starves, and next to nothing is fetched twice.
func TestManyReadersOfLittleMemory(t *testing.T) {
	const readers, size = 16, mi / 4
	s := near(size)
	s.memory = 32 * block
	run(t, s, func(w *world) {
		var wg sync.WaitGroup
		began := time.Now()
		for i := range readers {
			obj := w.src.bucket.Put(fmt.Sprint(i), s3test.Coded(1, 1, size))
			wg.Go(func() {
				r := w.crew.Open(obj)
				defer w.close(r)
				for off := int64(0); off < size; off += block {
					w.read(r, off, block)
					if used := w.mem.InUse(); used > s.memory {
						t.Errorf("%d bytes of memory in use", used)
					}
				}
			})
		}
		wg.Wait()
		if d := time.Since(began); d > 10*time.Second {
			t.Errorf("took %v", d)
		}
		if _, bytes, _ := w.src.seen(); bytes > readers*size*11/10 {
			t.Errorf("%d bytes fetched for %d", bytes, readers*size)
		}
	})
}
