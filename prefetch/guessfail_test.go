package prefetch_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestGuessTakenWhileDemandWaits: a guess that took a block while a demand for it waited
// for a connection fails, and the read does not: the block is asked for again.
func TestGuessTakenWhileDemandWaits(t *testing.T) {
	s := near(mi)
	s.connections = 4
	s.latency = 0
	s.interval = 0
	run(t, s, func(w *world) {
		var failures atomic.Int64
		w.src.set(func(off, n int64) error {
			switch first := off / block; {
			case first == 13 || first == 600: // held: the first is in the middle of the guess
				time.Sleep(10 * time.Second)
			case first == 700: // frees its connection at 2 s
				time.Sleep(2 * time.Second)
			case first == 12: // the guess's first run
				time.Sleep(time.Second)
			case first == 14: // and its second
				if failures.Add(1) == 1 {
					time.Sleep(3 * time.Second)
					return errors.New("a guess fails")
				}
			}
			return nil
		})
		results := make(chan error, 8)
		read := func(off int64) {
			r := w.open()
			go func() {
				err := w.try(context.Background(), r, off, block/2)
				w.close(r)
				results <- err
			}()
			synctest.Wait()
		}
		read(13 * block)
		seq := w.open()
		for b := int64(0); b < 6; b++ {
			w.read(seq, b*block, block)
			synctest.Wait()
		}
		read(600 * block)
		read(700 * block)
		r := w.open()
		began := time.Now()
		if err := w.try(context.Background(), r, 14*block+5, 100); err != nil {
			t.Errorf("a guess's failure fails a read after %v: %v", time.Since(began), err)
		}
		w.close(r)
		w.close(seq)
		for range 3 {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
	})
}

// TestTwoGuessesFailOneRead: a read touches two guesses, which fail one after the other.
func TestTwoGuessesFailOneRead(t *testing.T) {
	s := near(mi)
	s.latency, s.interval = 0, 0
	run(t, s, func(w *world) {
		seen := map[int64]int{}
		w.src.set(func(off, n int64) error {
			first := off / block
			w.src.mu.Lock()
			seen[first]++
			again := seen[first] > 1
			w.src.mu.Unlock()
			if again {
				return nil
			}
			switch first {
			case 8:
				time.Sleep(time.Second)
				return errors.New("first guess fails")
			case 12:
				time.Sleep(3 * time.Second)
				return errors.New("second guess fails")
			}
			return nil
		})
		seq := w.open()
		defer w.close(seq)
		for b := int64(0); b < 6; b++ {
			w.read(seq, b*block, block)
			synctest.Wait()
		}
		r := w.open()
		defer w.close(r)
		if err := w.try(context.Background(), r, 11*block+block/2, block); err != nil {
			t.Errorf("guesses' failures fail a read: %v", err)
		}
	})
}
