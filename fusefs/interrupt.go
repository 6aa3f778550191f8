package fusefs

import (
	"sync"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// lookEvery is how often the signals are looked at of a program whose request goes on
// after an interrupt: the kernel sends one a request, whatever comes later.
const lookEvery = 100 * time.Millisecond

// undisturbed answers a request as if signals that do not end the program had not come,
// as disks do. The kernel tells of any signal by an INTERRUPT and of none which it was; an
// EINTR to it, or less than was asked for, is what programs do not expect of a file: a
// read around the page cache is of several requests, of which some had been answered. Go's
// runtime alone sends a thread SIGURG that has been at work for 10 ms.
//
// The call is made once more after such an interrupt: what it waited for is on its way
// all the same. tid is the thread's that asks; 0 is one of another PID namespace.
func undisturbed(cancel <-chan struct{}, tid uint32, call func(cancel <-chan struct{}) fuse.Status) fuse.Status {
	status := call(cancel)
	if status != fuse.EINTR || ends(tid) {
		return status
	}
	end, done := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				if ends(tid) {
					close(end)
					return
				}
			}
		}
	})
	status = call(end)
	close(done)
	wg.Wait()
	return status
}

// ends reports whether the program of a thread is ending, or about to. One that cannot
// be looked at may be.
func ends(tid uint32) bool {
	if tid == 0 {
		return true
	}
	s, err := signalsOf(tid)
	return err != nil || s.end()
}
