package prefetch_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// Guesses fail, demands succeed: a request of more blocks than were asked for is
// a guess.
func TestFailedGuessesFailNoRead(t *testing.T) {
	run(t, near(mi/4), func(w *world) {
		r := w.open()
		defer w.close(r)
		w.src.set(func(off, n int64) error {
			if off/block%2 == 1 || n > 2*block {
				return s3backend.ErrUnavailable
			}
			return nil
		})
		failed := 0
		for off := int64(0); off < mi/4; off += block {
			err := w.try(context.Background(), r, off, block)
			if err != nil && off/block%2 == 0 && !errors.Is(err, s3backend.ErrUnavailable) {
				t.Errorf("read at %d: %v", off, err)
			}
			if err != nil {
				failed++
				w.src.set(nil)
				w.read(r, off, block)
			}
		}
		synctest.Wait()
		if st := w.crew.Stats(); st.Failed == 0 || failed > 1 {
			t.Errorf("%d reads failed, %+v", failed, st)
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
