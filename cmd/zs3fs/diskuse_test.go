package main

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A disk that hangs delays an answer by a second, keeps one goroutine however often
// it is asked, and is heard again when it works.
func TestDiskUseOfAHungDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		used, hung := int64(7), make(chan struct{})
		close(hung)
		u := &diskUse{volume: func() (volume, error) {
			asked.Add(1)
			<-hung
			return volume{used: used, zfs: true}, nil
		}}
		if n := u.bytes(); n != 7 {
			t.Fatalf("%d bytes", n)
		}
		hung, used = make(chan struct{}), 8
		for range 5 {
			began := time.Now()
			if n, in := u.bytes(), time.Since(began); n != 7 || in != useTimeout {
				t.Errorf("%d bytes after %v", n, in)
			}
		}
		if n := asked.Load(); n != 2 {
			t.Errorf("asked %d times", n)
		}
		close(hung)
		synctest.Wait()
		if n := u.bytes(); n != 8 {
			t.Errorf("%d bytes once it works", n)
		}
	})
}
