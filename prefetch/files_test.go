package prefetch_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zs3fs/zs3fs/prefetch"
	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// folder is a directory of coded objects, and the world's Files.
type folder struct {
	w     *world
	files *prefetch.Files
	names []string
	objs  []s3backend.Object
	sum   uint64
	asked time.Time
}

var _ prefetch.Listing = (*folder)(nil)

func (f *folder) Len() int                                { return len(f.names) }
func (f *folder) Place(name string) (int, bool)           { return slices.BinarySearch(f.names, name) }
func (f *folder) File(place int) (s3backend.Object, bool) { return f.objs[place], true }
func (f *folder) Sum() uint64                             { return f.sum }
func (f *folder) Asked() time.Time                        { return f.asked }

// inFolder runs f in a world with n files of a size.
func inFolder(t *testing.T, s shape, n int, size int64, limit int, f func(f *folder)) {
	t.Helper()
	run(t, s, func(w *world) {
		d := &folder{w: w, files: prefetch.NewFiles(w.crew, limit), sum: 1}
		defer func() {
			if err := d.files.Close(); err != nil {
				t.Error(err)
			}
			if st := d.files.Stats(); st.Ahead != 0 || st.AheadBytes != 0 || st.Guessed != st.Useful+st.Wasted+st.Failed {
				t.Errorf("after Close: %+v", st)
			}
		}()
		for i := range n {
			d.names = append(d.names, fmt.Sprintf("f%04d", i))
			d.objs = append(d.objs, w.src.bucket.Put("dir/"+d.names[i], s3test.Coded(1, 1, size)))
		}
		f(d)
	})
}

// read opens and reads the file at a place, as a mount does it.
func (f *folder) read(place int) error {
	r := f.w.crew.Open(f.objs[place])
	defer r.Close()
	f.files.Opened("dir", f, f.names[place], false)
	res, err := r.Read(context.Background(), make([]byte, f.objs[place].Size), 0)
	if err != nil {
		return err
	}
	defer res.Release()
	off := int64(0)
	for _, s := range res.Slices {
		if err := s3test.CheckCoded(s, off, 1, 1); err != nil {
			f.w.t.Error(err)
		}
		off += int64(len(s))
	}
	return nil
}

func (f *folder) readAll(places ...int) {
	f.w.t.Helper()
	for _, p := range places {
		if err := f.read(p); err != nil {
			f.w.t.Fatal(err)
		}
	}
}

func places(from, end int) []int {
	var all []int
	for i := from; i < end; i++ {
		all = append(all, i)
	}
	return all
}

// TestFiles: a reader waits for the first files, and hardly for the others; each is
// asked for once.
func TestFiles(t *testing.T) {
	inFolder(t, near(1), 500, 2*block, 64, func(f *folder) {
		start := time.Now()
		f.readAll(places(0, 500)...)
		// Ten round trips at most to get going, then 24 connections.
		const trip = 45 * time.Millisecond
		if took := time.Since(start); took > 10*trip+500*trip/24 {
			t.Errorf("took %v", took)
		}
		if st := f.files.Stats(); st.Useful < 490 || st.Wasted != 0 || st.Ahead != 0 {
			t.Errorf("%+v", st)
		}
		if n, bytes, _ := f.w.src.seen(); n != 500 || bytes != 1000*block {
			t.Errorf("%d requests, %d bytes", n, bytes)
		}
	})
}

// TestFilesLimit: a limit of 0 does nothing, and a limit is kept.
func TestFilesLimit(t *testing.T) {
	inFolder(t, near(1), 50, block, 0, func(f *folder) {
		f.readAll(places(0, 50)...)
		if st := f.files.Stats(); st != (prefetch.FilesStats{}) {
			t.Errorf("%+v", st)
		}
	})
	inFolder(t, near(1), 50, block, 5, func(f *folder) {
		for i := range 40 {
			f.readAll(i)
			if st := f.files.Stats(); st.Ahead > 5 {
				t.Fatalf("%+v", st)
			}
		}
		if st := f.files.Stats(); st.Ahead != 5 {
			t.Errorf("%+v", st)
		}
	})
}

// TestOneConnection: it is kept for those who wait. No guess waits for it, also not where
// all is cached, and none is counted; who reads on still asks for several blocks at once.
func TestOneConnection(t *testing.T) {
	s := near(mi)
	s.connections = 1
	inFolder(t, s, 100, block, 64, func(f *folder) {
		f.readAll(places(0, 100)...)
		if st := f.files.Stats(); st != (prefetch.FilesStats{}) {
			t.Errorf("%+v", st)
		}
		for range 2 {
			r := f.w.open()
			for off := int64(0); off < mi; off += block {
				f.w.read(r, off, block)
				if st := f.w.crew.Stats(); st.Queued > 0 || st.Guesses > 0 {
					t.Fatalf("%+v", st)
				}
			}
			f.w.close(r)
		}
		if n, _, _ := f.w.src.seen(); n > 100+130 {
			t.Errorf("%d requests for %d blocks", n-100, mi/block)
		}
	})
}

// TestFilesMemory: files ahead take a quarter of the memory at most.
func TestFilesMemory(t *testing.T) {
	s := near(1)
	s.memory = 64 * block
	inFolder(t, s, 200, 3*block, 64, func(f *folder) {
		for i := range 100 {
			f.readAll(i)
			if st := f.files.Stats(); st.AheadBytes > s.memory/4 {
				t.Fatalf("%+v", st)
			}
		}
		if st := f.files.Stats(); st.Useful < 90 || st.Wasted != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// TestFilesIdle: what nobody opens is given up after a while.
func TestFilesIdle(t *testing.T) {
	inFolder(t, near(1), 100, block, 64, func(f *folder) {
		f.readAll(places(0, 20)...)
		if st := f.files.Stats(); st.Ahead == 0 || st.Wasted != 0 {
			t.Fatalf("%+v", st)
		}
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		st := f.files.Stats()
		if st.Ahead != 0 || st.AheadBytes != 0 || st.Wasted == 0 {
			t.Errorf("%+v", st)
		}
	})
}

// TestFilesFailing: a server that fails is not asked for file after file, and no
// read fails for a guess.
func TestFilesFailing(t *testing.T) {
	inFolder(t, near(1), 200, block, 64, func(f *folder) {
		f.readAll(places(0, 10)...)
		synctest.Wait()
		time.Sleep(time.Second)
		before := f.files.Stats()
		broken := errors.New("broken")
		f.w.src.set(func(int64, int64) error { return broken })
		for i := 10; i < 15; i++ {
			if err := f.read(i); err != nil {
				t.Errorf("file %d was fetched before: %v", i, err)
			}
		}
		time.Sleep(time.Second / 2)
		st := f.files.Stats()
		if st.Failed == 0 || st.Guessed-before.Guessed > 12 {
			t.Errorf("before %+v, then %+v", before, st)
		}
		f.w.src.set(nil)
		for i := 15; i < 200; i++ {
			f.readAll(i)
		}
		if got := f.files.Stats(); got.Failed != st.Failed || got.Useful < 170 {
			t.Errorf("then %+v, at last %+v", st, got)
		}
	})
}

// TestFilesChanged: a guess at a version that has gone is no reason to stop, and
// fails no read of the new one.
func TestFilesChanged(t *testing.T) {
	inFolder(t, near(1), 100, block, 64, func(f *folder) {
		f.readAll(places(0, 10)...)
		now := f.w.src.bucket.Put("dir/"+f.names[60], s3test.Coded(1, 1, 2*block))
		f.readAll(places(10, 60)...)
		f.objs[60] = now
		f.readAll(places(60, 100)...)
		if st := f.files.Stats(); st.Failed != 1 || st.Useful < 90 {
			t.Errorf("%+v", st)
		}
	})
}

// TestFilesListedAnew: another listing begins another walk; the same one does not.
func TestFilesListedAnew(t *testing.T) {
	inFolder(t, near(1), 100, block, 64, func(f *folder) {
		f.readAll(places(0, 20)...)
		again := *f
		again.asked = f.asked.Add(time.Second)
		again.readAll(20)
		before := f.files.Stats()
		if before.Wasted != 0 || before.Ahead == 0 {
			t.Errorf("listed again: %+v", before)
		}
		changed := *f
		changed.sum, changed.asked = 2, f.asked.Add(2*time.Second)
		changed.readAll(21)
		if st := f.files.Stats(); st.Wasted != before.Ahead && st.Wasted != before.Ahead-1 || st.Ahead != 0 {
			t.Errorf("listed with changes: %+v, then %+v", before, st)
		}
		f.files.Opened("dir", nil, f.names[22], false)
		f.files.Opened("nobody listed it", nil, f.names[22], false)
		f.files.Opened("dir", f, strings.Repeat("x", 10), false)
	})
}

// TestFilesGrowing: a directory that is still being listed is followed as far as
// it is known.
func TestFilesGrowing(t *testing.T) {
	inFolder(t, near(1), 300, block, 64, func(f *folder) {
		for i := range f.names {
			part := folder{w: f.w, files: f.files, asked: f.asked}
			known := min(len(f.names), i+20)
			part.names, part.objs = f.names[:known], f.objs[:known]
			part.readAll(i)
		}
		if st := f.files.Stats(); st.Useful < 290 || st.Wasted != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// TestFilesMany: as many directories as there are, few are kept.
func TestFilesMany(t *testing.T) {
	inFolder(t, near(1), 30, block, 64, func(f *folder) {
		for d := range 40 {
			for i := range 10 {
				f.files.Opened(fmt.Sprint(d), f, f.names[i], false)
			}
		}
		if st := f.files.Stats(); st.Ahead > 16*24 || st.Wasted == 0 {
			t.Errorf("%+v", st)
		}
	})
}

// TestFilesTree: a reader who goes through directories of few files, one after the
// other, waits for the first file of each.
func TestFilesTree(t *testing.T) {
	inFolder(t, near(1), 10*8, block, 64, func(f *folder) {
		const latency = 33 * time.Millisecond
		start := time.Now()
		for d := range 10 {
			part := folder{w: f.w, files: f.files, sum: 1, names: f.names[d*8 : d*8+8], objs: f.objs[d*8 : d*8+8]}
			for i := range part.names {
				r := f.w.crew.Open(part.objs[i])
				f.files.Opened(fmt.Sprint("dir", d), &part, part.names[i], false)
				f.w.obj = part.objs[i]
				f.w.read(r, 0, block)
				f.w.close(r)
			}
		}
		if took := time.Since(start); took > (6+9*2)*latency {
			t.Errorf("took %v", took)
		}
		if st := f.files.Stats(); st.Wasted != 0 || st.Useful < 9*7 {
			t.Errorf("%+v", st)
		}
	})
}

// TestFilesLoader: workers of a training data loader, with a batch of the list each,
// wait for the first files only, and each is asked for once.
func TestFilesLoader(t *testing.T) {
	for _, c := range []struct{ workers, batch int }{{8, 8}, {16, 16}} {
		t.Run(fmt.Sprint(c.workers, " by ", c.batch), func(t *testing.T) {
			const files = 1024
			inFolder(t, near(1), files, 2*block, 64, func(f *folder) {
				start := time.Now()
				var workers sync.WaitGroup
				for w := range c.workers {
					workers.Go(func() {
						decode := rand.New(rand.NewPCG(1, uint64(w)))
						for batch := w * c.batch; batch < files; batch += c.workers * c.batch {
							for place := batch; place < batch+c.batch; place++ {
								if err := f.read(place); err != nil {
									t.Error(err)
								}
								time.Sleep(time.Duration(c.workers*(2000+decode.IntN(1000))) * time.Microsecond)
							}
						}
					})
				}
				workers.Wait()
				n, bytes, _ := f.w.src.seen()
				st := f.files.Stats()
				// All of them decode for 2.5 ms a file.
				took := time.Since(start)
				t.Logf("took %v, %d requests, %+v", took, n, st)
				if took > files*2500*time.Microsecond*5/4 {
					t.Error("too long")
				}
				if st.Useful < files*9/10 || st.Wasted > files/20 {
					t.Errorf("%+v", st)
				}
				if n > files*105/100 || bytes > 2*block*files*105/100 {
					t.Errorf("%d requests, %d bytes", n, bytes)
				}
			})
		})
	}
}

// TestFilesUnderWay: two who open files while a directory is being listed may come in
// the other order than they asked for what is known of it.
func TestFilesUnderWay(t *testing.T) {
	const files, workers, batch, round = 512, 8, 16, 8 * 16
	inFolder(t, near(1), files, block, 64, func(f *folder) {
		for i := range files {
			place := i/round*round + i%workers*batch + i%round/workers
			list := *f
			if i%workers == 0 {
				list.names, list.objs = f.names[:place+1], f.objs[:place+1]
			}
			f.files.Opened("dir", &list, f.names[place], false)
			time.Sleep(time.Second)
		}
		if st := f.files.Stats(); st.Useful < files*8/10 {
			t.Errorf("%+v", st)
		}
	})
}
