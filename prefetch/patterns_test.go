package prefetch_test

import (
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const mi = 1 << 20 // 1024 blocks: in production, 1 GiB

func TestSequential(t *testing.T) {
	for _, piece := range []int64{block / 8, block, 1000, 3*block + 5} {
		run(t, near(mi), func(w *world) {
			r := w.open()
			defer w.close(r)
			began := time.Now()
			for off := int64(0); off < mi; off += piece {
				w.read(r, off, piece)
			}
			// In the bubble's time nothing but the server takes any: a connection
			// gives 80 blocks a second, and 24 of them are for guesses.
			if rate := mi / block / time.Since(began).Seconds(); rate < 1000 {
				t.Errorf("%.0f blocks a second in pieces of %d", rate, piece)
			}
			w.expect(160, mi)
			if _, most := w.src.bodies(); most > 32 {
				t.Errorf("%d connections", most)
			}
		})
	}
}

func TestLittleMemory(t *testing.T) {
	s := near(mi)
	s.memory = 64 * block
	run(t, s, func(w *world) {
		r := w.open()
		defer w.close(r)
		for off := int64(0); off < mi; off += block {
			w.read(r, off, block)
			if used := w.mem.InUse(); used > s.memory {
				t.Fatalf("%d bytes of memory in use", used)
			}
		}
		synctest.Wait()
		requests, bytes, _ := w.src.seen()
		if requests > 400 || bytes > mi*5/4 {
			t.Errorf("%d requests, %d bytes", requests, bytes)
		}
	})
}

func TestBackwards(t *testing.T) {
	run(t, near(mi), func(w *world) {
		r := w.open()
		defer w.close(r)
		began := time.Now()
		for off := int64(mi - block); off >= 0; off -= block {
			w.read(r, off, block)
		}
		if rate := mi / block / time.Since(began).Seconds(); rate < 100 {
			t.Errorf("%.0f blocks a second", rate)
		}
		w.expect(160, mi)
	})
}

func TestRandom(t *testing.T) {
	const size = 8 * mi
	run(t, near(size), func(w *world) {
		r := w.open()
		defer w.close(r)
		touched := map[int64]bool{}
		var mu sync.Mutex
		var wg sync.WaitGroup
		for seed := range uint64(16) {
			rng := rand.New(rand.NewPCG(seed, 1))
			wg.Go(func() {
				for range 20 {
					off := rng.Int64N(size)
					n := min(1+rng.Int64N(block/2), size-off)
					mu.Lock()
					touched[off/block] = true
					touched[(off+n-1)/block] = true
					mu.Unlock()
					w.read(r, off, n)
				}
			})
		}
		wg.Wait()
		// Two adjacent reads may come by chance, and start nothing alone.
		w.expect(len(touched), int64(len(touched))*block)
	})
}

func TestInterleavedStreams(t *testing.T) {
	run(t, near(mi), func(w *world) {
		r := w.open()
		defer w.close(r)
		began := time.Now()
		for off := int64(0); off < mi/4; off += block {
			for stream := range int64(4) {
				w.read(r, stream*mi/4+off, block)
			}
		}
		if rate := mi / block / time.Since(began).Seconds(); rate < 600 {
			t.Errorf("%.0f blocks a second", rate)
		}
		w.expect(200, mi)
	})
}

func TestKernelReadAheadOvertakesItself(t *testing.T) {
	for seed := range uint64(5) {
		run(t, near(mi), func(w *world) {
			r := w.open()
			defer w.close(r)
			rng := rand.New(rand.NewPCG(seed, 1))
			for off := int64(0); off < mi; off += 4 * block {
				var wg sync.WaitGroup
				for n, i := range rng.Perm(16) {
					wg.Go(func() {
						// In the drawn order, and not in one of the scheduler's on a busy machine.
						time.Sleep(time.Duration(n) * time.Nanosecond) // of the bubble
						w.read(r, off+int64(i)*block/4, block/4)
					})
				}
				wg.Wait()
			}
			w.expect(160, mi)
		})
	}
}

func TestTwoHandlesOfOneObject(t *testing.T) {
	for _, lead := range []time.Duration{0, time.Millisecond, 70 * time.Millisecond} {
		run(t, near(mi), func(w *world) {
			var wg sync.WaitGroup
			for i := range 2 {
				wg.Go(func() {
					time.Sleep(time.Duration(i) * lead) // of the bubble
					r := w.open()
					defer w.close(r)
					for off := int64(0); off < mi; off += block {
						w.read(r, off, block)
					}
				})
			}
			wg.Wait()
			w.expect(170, mi)
		})
	}
}

func TestSmallObjectComesInOneRequest(t *testing.T) {
	for _, size := range []int64{1, block - 1, block, block + 1, 4 * block} {
		run(t, near(size), func(w *world) {
			r := w.open()
			defer w.close(r)
			var wg sync.WaitGroup
			for off := int64(0); off < size; off += 700 {
				wg.Go(func() { w.read(r, off, 700) })
			}
			wg.Wait()
			w.expect(1, size)
		})
	}
}

func TestFooterFirst(t *testing.T) {
	const size = mi + 100
	run(t, near(size), func(w *world) {
		r := w.open()
		defer w.close(r)
		w.read(r, size-8, 8)
		w.read(r, size-900, 892)
		w.expect(1, 100+block)
	})
}

// A read of several blocks that meets some in the cache asks for the others at
// once, and not for one after the other.
func TestHolesAreAskedForAtOnce(t *testing.T) {
	s := near(mi)
	s.window = 0
	run(t, s, func(w *world) {
		r := w.open()
		defer w.close(r)
		w.read(r, 101*block, block)
		w.read(r, 103*block, block)
		began := time.Now()
		w.read(r, 100*block, 5*block)
		if d := time.Since(began); d > 40*time.Millisecond {
			t.Errorf("took %v", d)
		}
		w.expect(5, 5*block)
	})
}

func TestWithoutWindowNothingIsGuessed(t *testing.T) {
	s := near(mi)
	s.window = 0
	run(t, s, func(w *world) {
		r := w.open()
		defer w.close(r)
		for off := int64(0); off < 64*block; off += block {
			w.read(r, off, block)
		}
		w.expect(64, 64*block)
		if st := w.crew.Stats(); st.Guesses != 0 || st.Demands != 64 {
			t.Errorf("%+v", st)
		}
	})
}

// What is cached is read, and read ahead, without a request.
func TestSecondReadingMakesNoRequest(t *testing.T) {
	run(t, near(mi), func(w *world) {
		for range 2 {
			r := w.open()
			for off := int64(0); off < mi; off += 3 * block {
				w.read(r, off, 3*block)
			}
			w.close(r)
			time.Sleep(time.Second) // of the bubble: the disk is done
			w.expect(160, mi)
		}
	})
}

// A reader who waits is not kept waiting by others' guesses: it takes the time of
// the one request.
func TestDemandIsNotKeptWaiting(t *testing.T) {
	run(t, near(8*mi), func(w *world) {
		a, b := w.open(), w.open()
		defer w.close(a)
		defer w.close(b)
		for off := int64(0); off < 100*block; off += block {
			w.read(a, off, block)
		}
		if st := w.crew.Stats(); st.Running < 24 {
			t.Errorf("the story needs a busy crew: %+v", st)
		}
		for _, at := range []int64{3 * mi, 5 * mi, 7*mi + 33*block} {
			began := time.Now()
			w.read(b, at, 100)
			if d := time.Since(began); d > 33*time.Millisecond {
				t.Errorf("a demand took %v", d)
			}
		}
	})
}
