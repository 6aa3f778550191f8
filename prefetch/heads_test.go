package prefetch_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zs3fs/zs3fs/prefetch"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// inShards runs f in a world of n files of so many blocks, no Parquet's, and an object beside them.
func inShards(t *testing.T, s shape, n int, blocks int64, limit int, f func(d *tableFiles)) {
	t.Helper()
	run(t, s, func(w *world) {
		d := &tableFiles{w: w, files: prefetch.NewFiles(w.crew, limit)}
		for i := range n {
			d.paths = append(d.paths, fmt.Sprintf("shards/%04d.tar", i))
			d.objs = append(d.objs, w.src.bucket.Put(d.paths[i], s3test.Coded(1, 1, blocks*block)))
		}
		f(d)
		if err := d.files.Close(); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if st := d.files.Stats(); st.Ahead != 0 || st.AheadBytes != 0 || st.Guessed != st.Useful+st.Wasted+st.Failed {
			t.Errorf("after Close: %+v", st)
		}
	})
}

// readWhole opens a file, reads all of it and returns how long that took.
func (d *tableFiles) readWhole(place int) time.Duration {
	began := time.Now()
	r := d.open(place)
	d.readOn(r, 0)
	d.w.close(r)
	return time.Since(began)
}

// readFailing reads a file whole, and no guess at another one succeeds meanwhile.
func (d *tableFiles) readFailing(place int) {
	r := d.w.crew.Open(d.objs[place])
	d.readOn(r, 0)
	d.w.src.set(func(int64, int64) error { return errors.New("broken") })
	d.files.OpenedLarge(r, d.paths[place], false, d.following)
	synctest.Wait()
	time.Sleep(time.Second)
	d.w.src.set(nil)
	d.w.close(r)
}

// readOn reads a file to its end and checks what it reads.
func (d *tableFiles) readOn(r *prefetch.Reader, off int64) {
	d.w.t.Helper()
	for ; off < r.Object().Size; off += block / 2 {
		res, err := r.Read(context.Background(), make([]byte, block/2), off)
		if err != nil {
			d.w.t.Fatal(err)
		}
		at := off
		for _, s := range res.Slices {
			if err := s3test.CheckCoded(s, at, 1, 1); err != nil {
				d.w.t.Errorf("read at %d: %v", at, err)
			}
			at += int64(len(s))
		}
		res.Release()
	}
}

// evict has others take all memory.
func (d *tableFiles) evict() {
	r := d.w.open()
	for off := int64(0); off < d.w.obj.Size; off += block {
		d.w.read(r, off, block)
	}
	d.w.close(r)
	synctest.Wait()
}

func disklessShape() shape {
	s := near(512 * block)
	s.diskless, s.memory = true, 256*block
	return s
}

// TestHeadThatWasLost: who begins a file of which the beginning was fetched ahead and has gone from
// memory, as it was not read for long or others needed the room, reads as fast as one who was not
// expected.
func TestHeadThatWasLost(t *testing.T) {
	const size = 128
	var plain time.Duration
	inShards(t, disklessShape(), 8, size, 0, func(d *tableFiles) { plain = d.readWhole(4) })
	for name, lose := range map[string]func(d *tableFiles){
		"at once": func(d *tableFiles) { d.evict() },
		"later": func(d *tableFiles) {
			time.Sleep(10 * time.Minute)
			d.evict()
		},
		"never":        func(d *tableFiles) { time.Sleep(time.Second) },
		"as it failed": func(d *tableFiles) { time.Sleep(time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			inShards(t, disklessShape(), 8, size, 64, func(d *tableFiles) {
				for i := range 4 {
					if i == 3 && name == "as it failed" {
						d.readFailing(3)
						continue
					}
					d.readWhole(i)
				}
				if st := d.files.Stats(); st.Ahead+st.Failed == 0 {
					t.Fatalf("nothing is ahead: %+v", st)
				}
				lose(d)
				most := plain
				if name == "as it failed" {
					most += 50 * time.Millisecond // nothing is guessed until a demand has succeeded
				}
				if took := d.readWhole(4); took > most {
					t.Errorf("took %v, and %v of who was not expected", took, plain)
				}
			})
		})
	}
}

// TestHeadOfSeveralReaders: a beginning that was fetched ahead serves all who come for it, and is
// no hindrance to who begins in the middle.
func TestHeadOfSeveralReaders(t *testing.T) {
	const size = 128
	s := disklessShape()
	s.memory = 1024 * block
	for name, offs := range map[string][]int64{
		"two":                  {0, 0},
		"from the middle":      {size / 2 * block},
		"from both":            {size / 2 * block, 0},
		"beyond what is there": {120 * block, 0, 120 * block},
	} {
		t.Run(name, func(t *testing.T) {
			read := func(limit int) (took time.Duration) {
				inShards(t, s, 5, size, limit, func(d *tableFiles) {
					for i := range 4 {
						d.readWhole(i)
					}
					time.Sleep(time.Second)
					began := time.Now()
					var wg sync.WaitGroup
					for _, off := range offs {
						r := d.open(4)
						wg.Go(func() {
							d.readOn(r, off)
							d.w.close(r)
						})
					}
					wg.Wait()
					took = time.Since(began)
					if _, bytes, _ := d.w.src.seen(); bytes > 5*size*block {
						t.Errorf("%d blocks were fetched more than once", bytes/block-5*size)
					}
				})
				return took
			}
			if with, without := read(64), read(0); with > without {
				t.Errorf("took %v, and %v with nothing ahead", with, without)
			}
		})
	}
}

// TestHeadsOnceMore: who reads files over and over that are not kept has the beginnings ahead each
// time.
func TestHeadsOnceMore(t *testing.T) {
	inShards(t, disklessShape(), 12, 128, 64, func(d *tableFiles) {
		var took [3]time.Duration
		for round := range took {
			for i := range d.objs {
				took[round] += d.readWhole(i)
			}
			time.Sleep(3 * time.Second) // then it is no second open of the same files
		}
		if took[1] > took[0] || took[2] > took[0] {
			t.Errorf("took %v", took)
		}
		if st := d.files.Stats(); st.Useful != 3*10 || st.Wasted != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// TestHeadsOfASmallCache: of a disk that keeps no more than memory, what is fetched ahead drives
// nothing out that is read before it.
func TestHeadsOfASmallCache(t *testing.T) {
	s := near(block)
	s.memory, s.budget = 64*block, 64*block
	for _, size := range []int64{20, 50, 100} {
		var took [2]time.Duration
		var blocks [2]int64
		for i, limit := range []int{0, 64} {
			inShards(t, s, 24, size, limit, func(d *tableFiles) {
				for place := range d.objs {
					took[i] += d.readWhole(place)
				}
				_, bytes, _ := d.w.src.seen()
				blocks[i] = bytes / block
			})
		}
		if took[1] > took[0] || blocks[1] > blocks[0]*21/20 {
			t.Errorf("files of %d blocks: %v and %d blocks, and with nothing ahead %v and %d",
				size, took[1], blocks[1], took[0], blocks[0])
		}
	}
}

// TestHeadsOfASmallWindow: no more is fetched ahead than anybody may read ahead.
func TestHeadsOfASmallWindow(t *testing.T) {
	s := disklessShape()
	s.window, s.memory = 4*block, 1024*block
	inShards(t, s, 8, 80, 64, func(d *tableFiles) {
		for place := range 4 {
			d.readWhole(place)
		}
		synctest.Wait()
		time.Sleep(time.Second)
		_, bytes, _ := d.w.src.seen()
		if ahead := bytes/block - 4*80; ahead < 1 || ahead > 4 {
			t.Errorf("%d blocks are ahead, at most 4 may be", ahead)
		}
	})
}

// TestHeadsOfOpenFiles: who opens many files before he reads them has no memory filled with their
// beginnings, which would leave none to read ahead.
func TestHeadsOfOpenFiles(t *testing.T) {
	var took [2]time.Duration
	for i, limit := range []int{0, 64} {
		inShards(t, disklessShape(), 40, 128, limit, func(d *tableFiles) {
			for place := range 4 {
				d.readWhole(place)
			}
			var open []*prefetch.Reader
			for place := 4; place < 36; place++ {
				open = append(open, d.open(place))
				time.Sleep(10 * time.Millisecond)
			}
			time.Sleep(time.Second)
			began := time.Now()
			for _, r := range open {
				d.readOn(r, 0)
				d.w.close(r)
			}
			took[i] = time.Since(began)
		})
	}
	if took[1] > took[0] {
		t.Errorf("took %v, and %v with nothing ahead", took[1], took[0])
	}
}

// TestHeadsThatTheKernelReads: a file that was fetched ahead as a whole is read by the kernel, so
// that nobody is seen to come for its beginning: the next one's is fetched all the same.
func TestHeadsThatTheKernelReads(t *testing.T) {
	const n, size = 24, 32
	inShards(t, near(512*block), n, size, 64, func(d *tableFiles) {
		d.readWhole(0)
		d.readWhole(1)
		for i := 2; i < n; i++ {
			r := d.w.crew.Open(d.objs[i])
			present, total := r.Version().Cached()
			d.files.OpenedLarge(r, d.paths[i], present == total, d.following)
			if present < total {
				d.readOn(r, 0)
			}
			synctest.Wait()
			time.Sleep(time.Second)
			d.w.close(r)
		}
		if st := d.files.Stats(); st.Useful < n-4 {
			t.Errorf("%+v", st)
		}
	})
}
