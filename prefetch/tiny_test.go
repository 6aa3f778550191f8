package prefetch_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zs3fs/zs3fs/prefetch"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// TestFilesInAnyWorld: with next to no memory, requests of a block, no window, one file ahead or
// many, of tables and others, by more threads than are followed, of files that are overwritten,
// shrink or fail: what is read is right, and all is given back.
func TestFilesInAnyWorld(t *testing.T) {
	tb := newTable(t, nil)
	for seed := range uint64(32) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			s := tableShape()
			s.memory = []int64{4, 8, 64, 256, 1024}[rng.IntN(5)] * block
			s.request = []int64{1, 8}[rng.IntN(2)] * block
			s.diskless = rng.IntN(2) == 0
			if !s.diskless {
				s.budget = []int64{1 << 30, 64 * block}[rng.IntN(2)]
			}
			s.window = []int64{0, 2 * block, 384 * block, 384 * block}[rng.IntN(4)]
			s.connections = []int{2, 4, 32}[rng.IntN(3)]
			limit := []int{1, 3, 64}[rng.IntN(3)]
			shards, faults, dirs, threads := rng.IntN(2) == 0, rng.IntN(3), 1+rng.IntN(6), []int{1, 2, 20}[rng.IntN(3)]
			name := fmt.Sprintf("%+v limit %d shards %v faults %d dirs %d threads %d", s, limit, shards, faults, dirs, threads)
			run(t, s, func(w *world) {
				d := &tableFiles{w: w, tb: tb, files: prefetch.NewFiles(w.crew, limit)}
				var mu sync.Mutex // guards d.objs, while files are opened too
				const n = 48
				for i := range n {
					d.paths = append(d.paths, fmt.Sprintf("t/d=%d/%04d", i*dirs/n, i))
					var c s3test.Content = tb.content
					if shards {
						c = s3test.Coded(1, 1, int64(2+rng.IntN(80))*block)
					}
					d.objs = append(d.objs, w.src.bucket.Put(d.paths[i], c))
				}
				if faults > 0 {
					var mu sync.Mutex
					f := rand.New(rand.NewPCG(seed, 2))
					w.src.set(func(off, n int64) error {
						mu.Lock()
						defer mu.Unlock()
						if f.IntN(30) == 0 {
							return errors.New("broken")
						}
						return nil
					})
				}
				open := func(i int) *prefetch.Reader {
					mu.Lock()
					defer mu.Unlock()
					return d.open(i)
				}
				var wg sync.WaitGroup
				for th := range threads {
					rng := rand.New(rand.NewPCG(seed, 3+uint64(th)))
					wg.Go(func() {
						for i := th * n / threads % n; i < n; i++ {
							if th >= 2 && i > th*n/threads+4 {
								return
							}
							if faults == 2 && rng.IntN(6) == 0 {
								j := min(i+rng.IntN(6), n-1)
								mu.Lock()
								now := w.src.bucket.Put(d.paths[j], s3test.Coded(1, 1, int64(1+rng.IntN(40))*block))
								if rng.IntN(2) == 0 { // else it is listed later
									d.objs[j] = now
								}
								mu.Unlock()
							}
							r := open(i)
							read := func(off, n int64) {
								n = min(n, r.Object().Size-off)
								if n <= 0 || off < 0 {
									return
								}
								res, err := r.Read(context.Background(), make([]byte, n), off)
								if err != nil {
									if faults == 0 {
										t.Errorf("%s: %v", name, err)
									}
									return
								}
								if int64(res.Len()) != n {
									t.Errorf("%s: %d bytes of %d", name, res.Len(), n)
								}
								at := off
								for _, b := range res.Slices {
									if shards || at+int64(len(b)) <= tb.footer {
										if err := s3test.CheckCoded(b, at, 1, 1); err != nil {
											t.Errorf("%s: %v", name, err)
										}
									}
									at += int64(len(b))
								}
								res.Release()
							}
							size := r.Object().Size
							if shards {
								end := size
								if rng.IntN(8) == 0 {
									end = size / 2
								}
								off := int64(0)
								if rng.IntN(8) == 0 {
									off = size / 2
								}
								for ; off < end; off += block / 2 {
									read(off, block/2)
								}
							} else {
								read(size-8, 8)
								read(tb.footer, size-8-tb.footer)
								time.Sleep(time.Millisecond)
								for g := range 2 {
									for off := tb.offs[g*tableColumns+1]; off < tb.offs[g*tableColumns+2]; off += block / 2 {
										read(off, block/2)
									}
								}
							}
							if err := w.crew.CheckFiles(false); err != nil {
								t.Errorf("%s: %v", name, err)
							}
							if st := d.files.Stats(); st.AheadBytes < 0 || st.AheadBytes > s.memory || st.Guessed != st.Useful+st.Wasted+st.Failed+st.Ahead {
								t.Errorf("%s: %+v", name, st)
							}
							if rng.IntN(10) != 0 {
								r.Close()
							} else {
								defer r.Close()
							}
						}
					})
				}
				wg.Wait()
				if seed%2 == 0 {
					time.Sleep(3 * time.Minute)
					synctest.Wait()
					if err := w.crew.CheckFiles(true); err != nil {
						t.Errorf("%s: %v", name, err)
					}
					if st := d.files.Stats(); st.Ahead != 0 || st.AheadBytes != 0 {
						t.Errorf("%s: %+v", name, st)
					}
				}
				d.files.Close()
				synctest.Wait()
				if err := w.crew.CheckFiles(true); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			})
		})
	}
}
