package prefetch_test

import (
	"sync"
	"testing"
	"time"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// Tasks that read a part each of one object, one after another, as Spark's do: a
// task that goes on where another has ended does not begin with small requests.
func TestTasksTakeOverStreams(t *testing.T) {
	const tasks, part = 16, mi / 16
	run(t, near(mi), func(w *world) {
		began := time.Now()
		for i := range int64(tasks) {
			r := w.open()
			for off := i * part; off < (i+1)*part; off += block {
				w.read(r, off, block)
			}
			w.close(r)
		}
		// What was on its way at a close is asked for again, but for what had arrived.
		if rate := mi / block / time.Since(began).Seconds(); rate < 500 {
			t.Errorf("%.0f blocks a second", rate)
		}
		if _, bytes, _ := w.src.seen(); bytes > mi*5/4 {
			t.Errorf("%d bytes fetched of %d", bytes, mi)
		}
	})
}

// A reader opens where another is, and that one closes: nothing is lost.
func TestTasksThatOverlap(t *testing.T) {
	const part = mi / 16
	run(t, near(mi), func(w *world) {
		r := w.open()
		for off := int64(0); off < mi; off += block {
			if off > 0 && off%part == 0 {
				next := w.open()
				w.read(next, off, block)
				w.close(r)
				r = next
			}
			w.read(r, off, block)
		}
		w.close(r)
		w.expect(160, mi)
	})
}

// Forked readers of one object, one of which goes elsewhere, and back.
func TestSeekOfOneLeavesTheOther(t *testing.T) {
	run(t, near(8*mi), func(w *world) {
		a, b := w.open(), w.open()
		defer w.close(a)
		defer w.close(b)
		for off := int64(0); off < 64*block; off += block {
			w.read(a, off, block)
			w.read(b, off, block)
		}
		for off := int64(4 * mi); off < 4*mi+32*block; off += block {
			w.read(a, off, block)
		}
		for off := int64(64 * block); off < 512*block; off += block {
			w.read(b, off, block)
		}
		w.expect(200, 8*mi)
	})
}

// Many handles, each with a part of its own at the same time.
func TestManyHandlesOfOneObject(t *testing.T) {
	const handles, part = 16, mi / 16
	run(t, near(mi), func(w *world) {
		var wg sync.WaitGroup
		began := time.Now()
		for i := range int64(handles) {
			wg.Go(func() {
				r := w.open()
				defer w.close(r)
				for off := i * part; off < (i+1)*part; off += block {
					w.read(r, off, block)
				}
			})
		}
		wg.Wait()
		if rate := mi / block / time.Since(began).Seconds(); rate < 1000 {
			t.Errorf("%.0f blocks a second", rate)
		}
		w.expect(260, mi)
	})
}

// Two threads, a handle each, read two columns of a file in row groups: each column
// is begun with its head, and is no whole number of blocks.
func TestColumnsByTwoHandles(t *testing.T) {
	const groups, group, column = 60, 16*block + 333, block + 200
	run(t, near(mi), func(w *world) {
		var wg sync.WaitGroup
		touched := map[int64]bool{}
		began := time.Now()
		for i := range int64(2) {
			for g := i; g < groups; g += 2 {
				for _, c := range []int64{g*group + 3*block, g*group + 9*block + 100} {
					for b := c / block; b <= (c+column-1)/block; b++ {
						touched[b] = true
					}
				}
			}
			wg.Go(func() {
				r := w.open()
				defer w.close(r)
				for g := i; g < groups; g += 2 {
					for _, c := range []int64{g*group + 3*block, g*group + 9*block + 100} {
						w.read(r, c, 100)
						w.read(r, c+100, column-100)
					}
				}
			})
		}
		wg.Wait()
		// One after another, without a guess, this would take 60 x 2 x 2 x 32 ms / 2.
		if d := time.Since(began); d > 1200*time.Millisecond {
			t.Errorf("took %v", d)
		}
		w.expect(150, int64(len(touched))*block*11/10)
	})
}

// A version is the same with its id, as a HEAD tells it, and without, as a listing does.
func TestReadersWithAndWithoutTheVersionsID(t *testing.T) {
	run(t, near(mi), func(w *world) {
		w.src.bucket.SetVersioning(true)
		w.obj = w.src.bucket.Put("object", s3test.Coded(1, 1, mi))
		id := w.obj.VersionID
		w.obj.VersionID = ""
		listed := w.open()
		w.obj.VersionID = id
		looked := w.open()
		if listed.Version() != looked.Version() {
			t.Error("two versions")
		}
		for off := int64(0); off < mi; off += block {
			w.read(listed, off, block)
			if off < 64*block {
				w.read(looked, off, block)
			} else if off == 64*block {
				w.close(looked)
			}
		}
		w.close(listed)
		w.expect(160, mi)
	})
}
