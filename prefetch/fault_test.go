package prefetch_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// Every request fails that does not bring the block that is being read: each guess
// does, and some of them while the reader already waits for them.
func TestFailedGuessesFailNoRead(t *testing.T) {
	for _, failure := range []error{s3backend.ErrUnavailable, s3backend.ErrChanged} {
		t.Run(failure.Error(), func(t *testing.T) { failedGuesses(t, failure) })
	}
}

func failedGuesses(t *testing.T, failure error) {
	run(t, near(mi/4), func(w *world) {
		r := w.open()
		defer w.close(r)
		var reading atomic.Int64
		w.src.set(func(off, n int64) error {
			if at := reading.Load(); off <= at && at < off+n {
				return nil
			}
			return failure
		})
		for off := int64(0); off < mi/4; off += block {
			reading.Store(off)
			w.read(r, off, block)
		}
		synctest.Wait()
		st := w.crew.Stats()
		if st.Failed == 0 {
			t.Errorf("no guess has failed: %+v", st)
		}
		// After each demand a stream tries again, with its smallest window: two
		// guesses at most.
		if requests, _, _ := w.src.seen(); requests > 3*mi/4/block {
			t.Errorf("%d requests for %d blocks", requests, mi/4/block)
		}
	})
}

// A request fails that a reader has joined who did not make it.
func TestAnothersFailureIsTriedAgain(t *testing.T) {
	for _, failure := range []error{s3backend.ErrUnavailable, s3backend.ErrChanged} {
		t.Run(failure.Error(), func(t *testing.T) { anothersFailure(t, failure) })
	}
}

func anothersFailure(t *testing.T, failure error) {
	s := near(mi)
	s.window = 0
	run(t, s, func(w *world) {
		a, b := w.open(), w.open()
		defer w.close(a)
		defer w.close(b)
		var once atomic.Bool
		w.src.set(func(off, n int64) error {
			if once.Swap(true) {
				return nil
			}
			return failure
		})
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := w.try(context.Background(), a, 7*block, 9); !errors.Is(err, failure) {
				t.Errorf("the one who asked: %v", err)
			}
		})
		synctest.Wait()
		for range 10 {
			wg.Go(func() { w.read(b, 7*block, 9) })
		}
		wg.Wait()
		if requests, _, _ := w.src.seen(); requests != 2 {
			t.Errorf("%d requests", requests)
		}
	})
}

// F3: an error surfaces, does not stick, and is no reason to hammer.
func TestErrorsSurfaceAndPass(t *testing.T) {
	run(t, near(mi), func(w *world) {
		r := w.open()
		defer w.close(r)
		for off := int64(0); off < 20*block; off += block {
			w.read(r, off, block)
		}
		w.src.set(func(off, n int64) error { return s3backend.ErrUnavailable })
		time.Sleep(time.Second) // what was on its way arrives, the rest fails
		before, _, _ := w.src.seen()
		off := int64(20 * block)
		failures := 0
		for ; off < mi && failures < 10; time.Sleep(time.Millisecond) {
			if err := w.try(context.Background(), r, off, block); err == nil {
				off += block // had arrived
			} else if failures++; !errors.Is(err, s3backend.ErrUnavailable) {
				t.Fatalf("read at %d: %v", off, err)
			}
		}
		if after, _, _ := w.src.seen(); failures != 10 || after-before > 3*failures {
			t.Errorf("%d requests for %d failed reads", after-before, failures)
		}
		w.src.set(nil)
		began := time.Now()
		requests, _, _ := w.src.seen()
		for ; off < mi; off += block {
			w.read(r, off, block)
		}
		after, _, _ := w.src.seen()
		if after-requests > 160 || time.Since(began) > 2*time.Second {
			t.Errorf("after the recovery: %d requests in %v", after-requests, time.Since(began))
		}
	})
}

func TestErrChangedSurfaces(t *testing.T) {
	run(t, near(mi), func(w *world) {
		r := w.open()
		defer w.close(r)
		w.read(r, 0, block)
		w.src.bucket.Put("object", s3test.Coded(1, 2, mi))
		time.Sleep(time.Second)
		if err := w.try(context.Background(), r, mi/2, block); !errors.Is(err, s3backend.ErrChanged) {
			t.Errorf("after a change: %v", err)
		}
		w.read(r, 0, block) // of the old version, from the cache
		// One read over a block that is cached and one that is gone.
		if err := w.try(context.Background(), r, mi/2-block, 2*block); !errors.Is(err, s3backend.ErrChanged) {
			t.Errorf("after a change: %v", err)
		}
	})
}

// F74: a panic in a request is an error.
func TestPanicIsAnError(t *testing.T) {
	run(t, near(mi), func(w *world) {
		r := w.open()
		defer w.close(r)
		w.src.set(func(off, n int64) error { panic("oh") })
		if err := w.try(context.Background(), r, mi/2, block); err == nil {
			t.Error("no error")
		}
		w.src.set(nil)
		w.read(r, mi/2, block)
		if st := w.crew.Stats(); st.Panics != 1 {
			t.Errorf("%+v", st)
		}
	})
}
