package main

import (
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"
)

// useTimeout is how long an answer of the control socket waits for the cache's disk.
const useTimeout = time.Second

// diskUse is what the cache's dataset takes on disk, what zfs calls referenced;
// statfs needs no program to say it. On a disk that hangs one goroutine waits, which
// ends with the process, and what was last seen is the answer.
type diskUse struct {
	volume func() (volume, error)
	flight singleflight.Group
	last   atomic.Int64
}

func newDiskUse(dir string) *diskUse {
	return &diskUse{volume: func() (volume, error) { return volumeOf(dir) }}
}

// bytes may be called concurrently; it is 0 elsewhere than on ZFS.
func (u *diskUse) bytes() int64 {
	answer := u.flight.DoChan("", func() (any, error) {
		v, err := u.volume()
		if err == nil && v.zfs {
			u.last.Store(v.used)
		}
		return nil, err
	})
	timer := time.NewTimer(useTimeout)
	defer timer.Stop()
	select {
	case <-answer:
	case <-timer.C:
	}
	return u.last.Load()
}
