package main

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		p := every(time.Minute, func() { calls++ })
		time.Sleep(2*time.Minute + time.Second)
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Hour)
		if calls != 3 {
			t.Errorf("%d calls in two minutes, and after the end", calls)
		}
	})
}

// A program that hangs on a suspended pool keeps no daemon from ending.
func TestEveryDoesNotWaitForWhatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung := make(chan struct{})
		p := every(time.Minute, func() { <-hung })
		begun := time.Now()
		if err := p.Close(); err != nil || time.Since(begun) != startGrace {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		close(hung)
	})
}
