package prefetch_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/zs3fs/zs3fs/prefetch"
	"github.com/zs3fs/zs3fs/s3backend"
)

// TestAnyReadsGiveTheObjectsBytes lets several goroutines read one object in any
// manner, through one or two readers, with little memory, few connections,
// interrupts and failing requests: each read gives all its bytes, all right, or
// an error that was caused.
func TestAnyReadsGiveTheObjectsBytes(t *testing.T) {
	seeds := rapid.Uint64()
	shapes := rapid.Custom(func(t *rapid.T) shape {
		return shape{
			size:        rapid.Int64Range(1, 300*block).Draw(t, "size"),
			memory:      rapid.Int64Range(8, 100).Draw(t, "memory") * block,
			connections: rapid.IntRange(1, 20).Draw(t, "connections"),
			window:      rapid.Int64Range(0, 100).Draw(t, "window") * block,
			latency:     time.Duration(rapid.IntRange(0, 3).Draw(t, "latency")) * time.Millisecond,
			interval:    time.Duration(rapid.IntRange(0, 2).Draw(t, "interval")) * time.Millisecond,
		}
	})
	type story struct {
		shape  shape
		seed   uint64
		faults bool
	}
	var stories []story
	rapid.Check(t, func(rt *rapid.T) {
		stories = append(stories, story{shapes.Draw(rt, "shape"), seeds.Draw(rt, "seed"), rapid.Bool().Draw(rt, "faults")})
	})
	// Outside Check: a bubble needs a *testing.T.
	for i, s := range stories {
		if !t.Run("", func(t *testing.T) {
			run(t, s.shape, func(w *world) { tell(w, s.seed, s.faults) })
		}) {
			t.Fatalf("story %d: %+v", i, s)
		}
	}
}

func tell(w *world, seed uint64, faults bool) {
	if faults {
		w.src.set(func(off, n int64) error {
			if (off/block*7+n/block+int64(seed%5))%5 == 0 {
				return s3backend.ErrUnavailable
			}
			return nil
		})
	}
	readers := []*prefetch.Reader{w.open(), w.open()}
	var wg sync.WaitGroup
	for g := range uint64(5) {
		rng := rand.New(rand.NewPCG(seed, g))
		r := readers[rng.IntN(2)]
		wg.Go(func() { wander(w, r, rng, faults) })
	}
	wg.Wait()
	for _, r := range readers {
		w.close(r)
	}
}

// wander reads here and there, on and on, and back.
func wander(w *world, r *prefetch.Reader, rng *rand.Rand, faults bool) {
	off := int64(0)
	for range 30 {
		n := 1 + rng.Int64N(3*block)
		switch rng.IntN(8) {
		case 0:
			off = rng.Int64N(w.obj.Size + 10)
		case 1:
			off = max(off-2*n, 0)
		case 2:
			off += rng.Int64N(20 * block)
		}
		ctx, interrupt := context.WithCancel(context.Background())
		interrupted := rng.IntN(10) == 0
		if interrupted {
			ctx, interrupt = context.WithTimeout(ctx, time.Duration(rng.IntN(4000))*time.Microsecond)
		}
		err := w.try(ctx, r, off, n)
		interrupt()
		switch {
		case err == nil:
			off += n
		case interrupted && errors.Is(err, context.DeadlineExceeded):
		case faults && errors.Is(err, s3backend.ErrUnavailable):
		default:
			w.t.Errorf("read at %d: %v", off, err)
		}
	}
}
