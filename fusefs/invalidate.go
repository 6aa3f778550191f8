package fusefs

import "sync"

// invalidator takes names back from the kernel. It has a goroutine of its own,
// because the kernel holds the directory's lock while a handler of that directory
// runs, and wants the same lock for the notification.
type invalidator struct {
	mu     sync.Mutex // guards the following
	stale  map[entry]bool
	wrong  map[*file]bool // whose pages are not the object's
	closed bool

	wake chan struct{} // capacity 1
	done chan struct{} // closed when the goroutine has ended
}

type entry struct {
	parent *dir
	name   string
}

func newInvalidator() *invalidator {
	v := &invalidator{
		stale: make(map[entry]bool), wrong: make(map[*file]bool),
		wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	go v.run()
	return v
}

// add never waits.
func (v *invalidator) add(e entry) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return
	}
	v.stale[e] = true
	v.wakeLocked()
}

// forget has the kernel drop the pages it keeps of a file. It never waits.
func (v *invalidator) forget(f *file) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return
	}
	v.wrong[f] = true
	v.wakeLocked()
}

func (v *invalidator) wakeLocked() {
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

func (v *invalidator) run() {
	defer close(v.done)
	for range v.wake {
		v.mu.Lock()
		stale, wrong := v.stale, v.wrong
		v.stale, v.wrong = make(map[entry]bool), make(map[*file]bool)
		v.mu.Unlock()
		for f := range wrong {
			f.NotifyContent(0, 0) // to the end
		}
		for e := range stale {
			// ENOENT says that the kernel does not have it, ENODEV that the
			// mount has gone: as good.
			e.parent.NotifyEntry(e.name)
		}
	}
}

// close ends the goroutine and waits for it; the mount must have ended, so that
// the kernel does not let a notification wait.
func (v *invalidator) close() {
	v.mu.Lock()
	v.closed = true
	close(v.wake)
	v.mu.Unlock()
	<-v.done
}

// changed makes the next lookup see what has become of the object. Once is enough:
// a reader that goes on failing must not make the catalog forget the new version
// again and again.
func (f *file) changed() {
	if f.gone.Swap(true) {
		return
	}
	f.parent.t.cfg.Catalog.Forget(f.path())
	f.parent.t.stale.add(entry{f.parent, f.name})
}
