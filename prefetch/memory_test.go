package prefetch_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
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

// Where readers who wait take all connections, they come to what was to be fetched ahead
// of them before it has begun, and then it waits for a connection no longer.
func TestGuessesThatAreOvertaken(t *testing.T) {
	const readers, size = 64, mi / 4
	run(t, near(size), func(w *world) {
		var wg sync.WaitGroup
		for i := range readers {
			obj := w.src.bucket.Put(fmt.Sprint(i), s3test.Coded(1, 1, size))
			wg.Go(func() {
				r := w.crew.Open(obj)
				defer w.close(r)
				for off := int64(0); off < size; off += block {
					w.read(r, off, block)
					if n := w.crew.Stats().Queued; n > 8*readers {
						t.Errorf("%d jobs wait for a connection", n)
					}
				}
			})
		}
		wg.Wait()
	})
}

// No more is read ahead than the cache or memory holds: what was fetched ahead of a
// reader would be evicted before he comes, for what is fetched further ahead of him.
func TestReadAheadOfSmallCache(t *testing.T) {
	for _, budget := range []int64{16, 64, 128, 160} {
		const size, pause = 2 * mi, 3 * time.Millisecond
		s := near(size)
		s.memory, s.window, s.budget = 160*block, 200*block, budget*block
		run(t, s, func(w *world) {
			r := w.open()
			defer w.close(r)
			began := time.Now()
			for off := int64(0); off < size; off += block {
				w.read(r, off, block)
				time.Sleep(pause) // of the bubble
			}
			if d := time.Since(began) - size/block*pause; d > time.Second {
				t.Errorf("cache of %d blocks: waited for %v", budget, d)
			}
			w.expect(300, size)
		})
	}
}

// A consumer that takes a block a while has a window fetched ahead of it and no
// more, and the memory's limit holds.
func TestSlowConsumer(t *testing.T) {
	for _, memory := range []int64{16 * block, 64 * block, 1024 * block} {
		s := near(mi)
		s.memory = memory
		run(t, s, func(w *world) {
			r := w.open()
			defer w.close(r)
			most := int64(0)
			for b, err := range r.Blocks(context.Background()) {
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(200 * time.Millisecond) // of the bubble: all that is asked for has come
				synctest.Wait()
				if used := w.mem.InUse(); used > memory {
					t.Fatalf("%d bytes of memory in use", used)
				}
				_, fetched, _ := w.src.seen()
				most = max(most, fetched-b.Off-block)
			}
			if most < 4*block || most > 40*block {
				t.Errorf("with %d blocks of memory up to %d were fetched ahead", memory/block, most/block)
			}
			w.expect(400, mi)
		})
	}
}
