package blockcache

import "context"

// Flight is one request on its way: a run of claimed blocks of one version.
type Flight struct{}

// Range returns the first block and the number of blocks.
func (f *Flight) Range() (first, n int64) { panic("not built yet") }

// Run opens the run at src with one request, fills its blocks one after another
// and wakes their readers as bytes arrive; each whole block is queued for the
// disk. It returns when the last block has arrived, the source has failed, or
// ctx or Cancel ended it. The blocks that did not arrive leave the map before
// anybody learns of the end, so that a newcomer never joins a dead flight;
// readers that waited for one that failed on demand get the error, the others
// ErrMiss.
func (f *Flight) Run(ctx context.Context, src Source) error { panic("not built yet") }

// Demand turns a guess into a demand, as when a reader is about to wait for it.
// (Version.Read does so itself.)
func (f *Flight) Demand() { panic("not built yet") }

// Cancel ends a flight that was a guess and for which no reader waits; a flight
// with a waiting reader goes on up to the last block waited for.
func (f *Flight) Cancel() { panic("not built yet") }
