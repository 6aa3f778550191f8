package prefetch_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zs3fs/zs3fs/prefetch"
	"github.com/zs3fs/zs3fs/s3backend"
)

// tableFiles are the files of a table, and the world's Files.
type tableFiles struct {
	w     *world
	tb    table // each of them
	files *prefetch.Files
	paths []string
	objs  []s3backend.Object
	waits atomic.Int64 // reads that took any time
}

// inTable runs f in a world with a table of n files.
func inTable(t *testing.T, s shape, n, limit int, f func(d *tableFiles)) {
	t.Helper()
	tb := newTable(t, nil)
	run(t, s, func(w *world) {
		d := &tableFiles{w: w, tb: tb, files: prefetch.NewFiles(w.crew, limit)}
		for i := range n {
			d.paths = append(d.paths, fmt.Sprintf("table/part-%04d.parquet", i))
			d.objs = append(d.objs, w.src.bucket.Put(d.paths[i], tb.content))
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

// following is a prefetch.Following.
func (d *tableFiles) following(path string, n int, wanted func(s3backend.Object) bool) (next []prefetch.NextFile) {
	at, found := slices.BinarySearch(d.paths, path)
	if found {
		at++
	}
	for ; at < len(d.paths) && len(next) < n; at++ {
		if wanted(d.objs[at]) {
			next = append(next, prefetch.NextFile{Path: d.paths[at], Object: d.objs[at]})
		}
	}
	return next
}

// open opens a file, as a mount does it.
func (d *tableFiles) open(place int) *prefetch.Reader {
	r := d.w.crew.Open(d.objs[place])
	d.files.OpenedLarge(r, d.paths[place], false, d.following)
	return r
}

// read reads n bytes, as the kernel does it for a reader, and counts whether he waited.
func (d *tableFiles) read(r *prefetch.Reader, off, n int64) {
	began := time.Now()
	n = min(n, r.Object().Size-off)
	res, err := r.ReadPages(context.Background(), make([]byte, n), off)
	if errors.Is(err, prefetch.ErrUnneeded) {
		return // nobody comes there
	}
	if err != nil {
		d.w.t.Error(err)
		return
	}
	res.Release()
	if time.Since(began) > 0 {
		d.waits.Add(1)
	}
}

// readFooter reads the trailer and the footer.
func (d *tableFiles) readFooter(r *prefetch.Reader) {
	size := r.Object().Size
	d.read(r, size-8, 8)
	d.read(r, d.tb.footer, size-8-d.tb.footer)
	time.Sleep(time.Millisecond) // it is decoded
}

// readColumns reads chunks of the given columns in some row groups.
func (d *tableFiles) readColumns(r *prefetch.Reader, columns []int, groups ...int) {
	for _, g := range groups {
		for _, c := range columns {
			at := g*tableColumns + c
			for off := d.tb.offs[at] / 4 * 4; off < d.tb.offs[at+1]; off += block / 2 {
				d.read(r, off, block/2)
				time.Sleep(time.Millisecond)
			}
		}
	}
}

// query reads columns of the files at places as DuckDB does: each file is opened for its
// footer, and again for the rest, by the next thread that has nothing to do.
func (d *tableFiles) query(threads int, places, columns, groups []int) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range threads {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(places) {
					return
				}
				r := d.open(places[i])
				d.readFooter(r)
				r.Close()
				if len(columns) == 0 {
					time.Sleep(50 * time.Millisecond) // for what is done with it
					continue
				}
				r = d.open(places[i])
				d.readColumns(r, columns, groups...)
				r.Close()
			}
		})
	}
	wg.Wait()
	synctest.Wait()
}

// needed is how many bytes a query needs of so many files, by blocks.
func (d *tableFiles) needed(files int, columns, groups []int) int64 {
	size := d.tb.content.Size()
	blocks := map[int64]int64{}
	add := func(off, end int64) {
		for b := off / block; b <= (end-1)/block; b++ {
			blocks[b] = min(size, (b+1)*block) - b*block
		}
	}
	add(d.tb.footer, size)
	add(size-block, size)
	for _, g := range groups {
		for _, c := range columns {
			at := g*tableColumns + c
			add(d.tb.offs[at], d.tb.offs[at+1])
		}
	}
	sum := int64(0)
	for _, n := range blocks {
		sum += n
	}
	return sum * int64(files)
}

func tableShape() shape {
	s := near(1)
	s.stride = block / 2
	return s
}

// TestTableAheadIsGivenBack: whatever was ahead of a query, and opened before it had come, counts
// no more when the query is over.
func TestTableAheadIsGivenBack(t *testing.T) {
	for _, threads := range []int{1, 2, 4} {
		inTable(t, tableShape(), 24, 64, func(d *tableFiles) {
			for _, groups := range [][]int{places(0, 1), places(5, 8)} {
				d.query(threads, places(0, 24), []int{1, 4}, groups)
				time.Sleep(2 * time.Minute)
				if st := d.files.Stats(); st.Ahead != 0 || st.AheadBytes != 0 {
					t.Errorf("%d threads: %+v", threads, st)
				}
			}
		})
	}
}

func every(from, end, step int) (all []int) {
	for i := from; i < end; i += step {
		all = append(all, i)
	}
	return all
}

// shuffled is the numbers below n in a random order.
func shuffled(n int) []int { return rand.New(rand.NewPCG(1, 1)).Perm(n) }

// TestTableOfWhichGroupsAreLeftOut: files of which the last row groups are not read cost no more
// with files ahead than without, as what was asked for is given up with the last reader.
func TestTableOfWhichGroupsAreLeftOut(t *testing.T) {
	for _, threads := range []int{1, 2, 4} {
		columns, groups := []int{1, 4}, places(5, 8)
		var vain [2]int64
		for i, limit := range []int{0, 64} {
			inTable(t, tableShape(), 24, limit, func(d *tableFiles) {
				d.query(threads, places(0, 24), columns, groups)
				time.Sleep(time.Minute)
				_, bytes, _ := d.w.src.seen()
				vain[i] = (bytes - d.needed(24, columns, groups)) / block
			})
		}
		if vain[1] > vain[0]*5/4 {
			t.Errorf("%d threads: %d blocks in vain, and %d without files ahead", threads, vain[1], vain[0])
		}
	}
}

// measured is what a query took.
type measured struct {
	waits    int64
	requests int
	vain     int64 // blocks
	took     time.Duration
	ahead    prefetch.FilesStats
}

// measure reads some of the files of a table, of which the last one is the table's last.
func measure(t *testing.T, limit, threads int, opens, columns, groups []int) (m measured) {
	t.Helper()
	inTable(t, tableShape(), slices.Max(opens)+1, limit, func(d *tableFiles) {
		began := time.Now()
		d.query(threads, opens, columns, groups)
		m.took = time.Since(began)
		time.Sleep(2 * time.Minute)
		requests, bytes, _ := d.w.src.seen()
		m.waits, m.requests, m.ahead = d.waits.Load(), requests, d.files.Stats()
		m.vain = (bytes - d.needed(len(opens), columns, groups)) / block
	})
	return m
}

// TestTableOutOfOrder: hardly anything is fetched ahead of who does not read all files in order,
// and nothing is waited for longer.
func TestTableOutOfOrder(t *testing.T) {
	for name, opens := range map[string][]int{
		"every second": every(0, 80, 2),
		"every eighth": every(0, 320, 8),
		"any":          shuffled(500)[:100],
	} {
		with := measure(t, 64, 1, opens, []int{1, 4}, places(0, 2))
		without := measure(t, 0, 1, opens, []int{1, 4}, places(0, 2))
		if with.vain > without.vain*9/8 || with.took > without.took*21/20 || with.ahead.Wasted > 8 {
			t.Errorf("%s: %+v, and with nothing ahead %+v", name, with, without)
		}
	}
}

// TestTableInOrder: of files that are read in order, by any number of threads, hardly any is
// waited for, and nothing is fetched in vain but for the few that come after the last one.
func TestTableInOrder(t *testing.T) {
	for _, threads := range []int{1, 2, 4} {
		with := measure(t, 64, threads, places(0, 24), []int{1, 4}, places(0, 1))
		without := measure(t, 0, threads, places(0, 24), []int{1, 4}, places(0, 1))
		most := without.waits / 2
		if threads == 4 { // who begin a third of all files before anything is known
			most = without.waits
		}
		if with.ahead.Useful < 24-2-int64(threads) || with.ahead.Wasted > 0 || with.vain > 0 ||
			with.waits > most || with.took > without.took*5/6 {
			t.Errorf("%d threads: %+v, and with nothing ahead %+v", threads, with, without)
		}
	}
}

// TestTableFooters: who reads the footers of files only, by the trailer and then the footer, has
// those of the next ones ahead, and nothing of the columns that others have read before him.
func TestTableFooters(t *testing.T) {
	inTable(t, tableShape(), 150, 64, func(d *tableFiles) {
		d.query(1, places(0, 50), []int{1, 4}, places(0, 16))
		waits := d.waits.Load()
		_, before, _ := d.w.src.seen()
		d.query(1, places(50, 150), nil, nil)
		_, after, _ := d.w.src.seen()
		if waits = d.waits.Load() - waits; waits > 10 {
			t.Errorf("%d footers of 100 were waited for", waits)
		}
		if vain := (after - before - d.needed(100, nil, nil)) / block; vain > 300 { // of ten files
			t.Errorf("%d blocks in vain", vain)
		}
	})
	inTable(t, tableShape(), 100, 64, func(d *tableFiles) {
		d.query(1, places(0, 100), nil, nil)
		if n := d.waits.Load(); n > 10 {
			t.Errorf("%d footers of 100 were waited for", n)
		}
	})
}

// TestTableTwice: a query over a table that another one has read just now has its files ahead for
// itself, though the other one knows them.
func TestTableTwice(t *testing.T) {
	inTable(t, tableShape(), 100, 64, func(d *tableFiles) {
		for range 2 {
			d.query(1, places(0, 100), []int{1}, places(0, 1))
		}
		time.Sleep(2 * time.Minute)
		if st := d.files.Stats(); st.Wasted > 0 || st.Useful < 190 {
			t.Errorf("%+v", st)
		}
	})
}

// TestTableOfOtherNames: what kind of file one is its key tells, as that of the next ones, and not
// the name that it goes by on the mount.
func TestTableOfOtherNames(t *testing.T) {
	inTable(t, tableShape(), 2, 64, func(d *tableFiles) {
		r := d.w.crew.Open(d.objs[0])
		defer r.Close()
		d.files.OpenedLarge(r, d.paths[0]+"‛file", false, func(_ string, _ int, wanted func(s3backend.Object) bool) []prefetch.NextFile {
			other := d.objs[1]
			other.Key += ".md5"
			if !wanted(d.objs[1]) || wanted(other) {
				t.Errorf("the next file is wanted: %v; another one beside it: %v", wanted(d.objs[1]), wanted(other))
			}
			return nil
		})
	})
}
