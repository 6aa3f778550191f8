package prefetch_test

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// cancelled lets what was cancelled end, far sooner than a request would.
func cancelled() {
	time.Sleep(time.Millisecond) // of the bubble
	synctest.Wait()
}

func TestAbandonedReadingEnds(t *testing.T) {
	run(t, near(mi), func(w *world) {
		r := w.open()
		for off := int64(0); off < mi/10; off += block {
			w.read(r, off, block)
		}
		w.close(r)
		cancelled()
		if st := w.crew.Stats(); st.Running != 0 || st.Queued != 0 || st.Cancelled == 0 || st.Failed != 0 {
			t.Errorf("after close: %+v", st)
		}
		if open, _ := w.src.bodies(); open != 0 {
			t.Errorf("%d bodies open after close", open)
		}
		_, bytes, _ := w.src.seen()
		if bytes > mi/10+384*block {
			t.Errorf("%d bytes fetched", bytes)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if _, later, _ := w.src.seen(); later != bytes {
			t.Errorf("%d bytes fetched after close", later-bytes)
		}
	})
}

// What a closed reader had asked for is on its way, and the other reader comes for
// it: no byte is fetched twice.
func TestCloseLeavesOthersTheirBlocks(t *testing.T) {
	run(t, near(mi), func(w *world) {
		a, b := w.open(), w.open()
		w.read(b, 0, block)
		for off := int64(0); off < 128*block; off += block {
			w.read(a, off, block)
		}
		if st := w.crew.Stats(); st.Running < 10 {
			t.Errorf("the story needs guesses on their way: %+v", st)
		}
		w.close(a)
		for off := int64(block); off < mi; off += block {
			w.read(b, off, block)
		}
		w.close(b)
		if _, bytes, _ := w.src.seen(); bytes != mi {
			t.Errorf("%d bytes fetched of %d", bytes, mi)
		}
	})
}

func TestSeekAwayCancels(t *testing.T) {
	run(t, near(8*mi), func(w *world) {
		r := w.open()
		defer w.close(r)
		for off := int64(0); off < 64*block; off += block {
			w.read(r, off, block)
		}
		queued := w.crew.Stats()
		for off := int64(4 * mi); off < 4*mi+16*block; off += block {
			w.read(r, off, block)
		}
		if queued.Running < 20 {
			t.Errorf("the story needs guesses before the seek: %+v", queued)
		}
		if st := w.crew.Stats(); st.Cancelled < 10 {
			t.Errorf("after the seek: %+v", st)
		}
		// And back: what was dropped is fetched again where it had not arrived.
		for off := int64(64 * block); off < 128*block; off += block {
			w.read(r, off, block)
		}
	})
}

func TestReadersAreIndependent(t *testing.T) {
	run(t, near(mi), func(w *world) {
		a, b := w.open(), w.open()
		for off := int64(0); off < 32*block; off += block {
			w.read(a, off, block)
			w.read(b, off, block)
		}
		// Most of the flights are a's: b gets what it waits for all the same.
		var wg sync.WaitGroup
		wg.Go(func() {
			for off := int64(32 * block); off < mi; off += block {
				w.read(b, off, block)
			}
		})
		synctest.Wait()
		w.close(a)
		wg.Wait()
		if err := w.try(context.Background(), a, 0, 1); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("read after close: %v", err)
		}
		w.close(b)
		w.close(b)
	})
}

// F68: of many readers who wait for one block one is interrupted.
func TestInterruptEndsOneReadOnly(t *testing.T) {
	s := near(mi)
	s.window = 0
	run(t, s, func(w *world) {
		r := w.open()
		defer w.close(r)
		ctx, interrupt := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		wg.Go(func() { // the one who asked for it
			if err := w.try(ctx, r, 100*block, block); !errors.Is(err, context.Canceled) {
				t.Errorf("interrupted: %v", err)
			}
		})
		synctest.Wait()
		for range 99 {
			wg.Go(func() { w.read(r, 100*block, block) })
		}
		synctest.Wait()
		began := time.Now()
		interrupt()
		synctest.Wait()
		if d := time.Since(began); d != 0 {
			t.Errorf("the interrupt took %v", d)
		}
		wg.Wait()
		w.expect(1, block)
	})
}

// F67: interrupted readers leave nothing behind.
func TestInterruptedDemandsAreWithdrawn(t *testing.T) {
	s := near(mi)
	s.connections = 2
	run(t, s, func(w *world) {
		r := w.open()
		defer w.close(r)
		ctx, interrupt := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		for _, i := range rand.New(rand.NewPCG(1, 1)).Perm(100) {
			wg.Go(func() {
				if err := w.try(ctx, r, int64(10*i+3)*block, 10); !errors.Is(err, context.Canceled) {
					t.Errorf("interrupted: %v", err)
				}
			})
		}
		synctest.Wait()
		interrupt()
		wg.Wait()
		if st := w.crew.Stats(); st.Queued != 0 || st.Running > 2 {
			t.Errorf("%+v", st)
		}
		time.Sleep(time.Second)
		w.expect(2, 2*block)
	})
}

func TestCrewCloseEndsEverything(t *testing.T) {
	run(t, near(mi), func(w *world) {
		r := w.open()
		defer w.close(r)
		var wg sync.WaitGroup
		for i := range int64(50) {
			wg.Go(func() {
				if err := w.try(context.Background(), r, i*20*block, block); !errors.Is(err, context.Canceled) {
					t.Errorf("read while the crew closes: %v", err)
				}
			})
		}
		synctest.Wait()
		began := time.Now()
		if err := w.crew.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
		if d := time.Since(began); d != 0 {
			t.Errorf("close took %v", d)
		}
		if err := w.try(context.Background(), r, 0, 1); !errors.Is(err, context.Canceled) {
			t.Errorf("read after the crew's close: %v", err)
		}
	})
}

// A guess that takes a while to end is counted once, however often it is given up.
func TestGuessIsCancelledOnce(t *testing.T) {
	run(t, near(mi), func(w *world) {
		stuck := make(chan struct{})
		w.src.set(func(off, n int64) error {
			if 8*block <= off && off < 100*block {
				<-stuck
			}
			return nil
		})
		r := w.open()
		for off := int64(0); off < 3*block; off += block {
			w.read(r, off, block)
		}
		for off := int64(600 * block); off < 620*block; off += block {
			w.read(r, off, block)
		}
		time.Sleep(time.Minute) // of the bubble: what is ahead of him there has come
		before := w.crew.Stats()
		if before.Running == 0 || before.Cancelled != before.Running {
			t.Fatalf("the story needs guesses that are given up and run: %+v", before)
		}
		w.close(r)
		if n := w.crew.Stats().Cancelled; n != before.Cancelled {
			t.Errorf("%d guesses were given up %d times", before.Running, n)
		}
		close(stuck)
	})
}
