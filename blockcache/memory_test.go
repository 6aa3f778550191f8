package blockcache_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/zs3fs/zs3fs/blockcache"
)

// fetchAll runs a flight over blocks [first, first+n) to its end.
func fetch(t testing.TB, v *blockcache.Version, src blockcache.Source, first, n int64, demand bool) {
	t.Helper()
	if err := v.Claim(first, n, demand).Run(t.Context(), src); err != nil {
		t.Fatal(err)
	}
}

func TestMemoryCountsSmallBlocksAsSmall(t *testing.T) {
	c, mem := memoryOnly(t, 8)
	src := &source{}
	v := c.Version(codedObject("small", 100))
	fetch(t, v, src, 0, 1, true)
	if mem.InUse() != 100 {
		t.Fatalf("%d bytes for an object of 100", mem.InUse())
	}
	v.Close()
	if mem.InUse() != 0 {
		t.Fatalf("%d bytes in use after the last close", mem.InUse())
	}
}

func TestGuessesLeaveAReserveAndWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, mem := memoryOnly(t, 8)
		src := &source{}
		v := c.Version(codedObject("a", 100*kib))
		defer v.Close()
		guess := run(t.Context(), v.Claim(0, 20, false), src)
		synctest.Wait()
		if mem.InUse() != 6*kib || mem.Room() != 0 {
			t.Fatalf("a guess took %d of 8 KiB; room %d", mem.InUse(), mem.Room())
		}
		fetch(t, v, src, 50, 5, true) // takes the reserve, then the oldest unread
		if mem.InUse() != 8*kib {
			t.Fatalf("%d in use", mem.InUse())
		}
		// The reader comes: each block read makes room for one that waits.
		readAll(t, v, src, kib)
		if err := <-guess; err != nil {
			t.Fatal(err)
		}
	})
}

func TestReaderTurnsAWaitingGuessIntoADemand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := memoryOnly(t, 8)
		src := &source{}
		v := c.Version(codedObject("a", 100*kib))
		defer v.Close()
		first := run(t.Context(), v.Claim(0, 7, false), src)
		second := run(t.Context(), v.Claim(50, 2, false), src)
		synctest.Wait() // six blocks are unread, both flights wait
		wantBytes(t, readAsync(t.Context(), v, 51*kib, kib), 51*kib, kib)
		if err := <-second; err != nil {
			t.Fatal(err)
		}
		v.Forget(0, 7)
		if err := <-first; err != nil {
			t.Fatal(err)
		}
	})
}

func TestWaitForMemoryHonoursItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, mem := memoryOnly(t, 8)
		src := &source{}
		v := c.Version(codedObject("a", 100*kib))
		ctx, cancel := context.WithCancel(t.Context())
		stuck := run(ctx, v.Claim(0, 20, false), src)
		also := run(t.Context(), v.Claim(30, 1, false), src)
		synctest.Wait()
		cancel()
		if err := <-stuck; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		v.Forget(0, 1)
		if err := <-also; err != nil {
			t.Fatal(err)
		}
		v.Close()
		if mem.InUse() != 0 {
			t.Fatalf("%d bytes leaked", mem.InUse())
		}
	})
}

func TestPinnedBlocksAreNotTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, mem := memoryOnly(t, 8)
		src := &source{}
		v := c.Version(codedObject("a", 100*kib))
		defer v.Close()
		var chunks []blockcache.Chunk
		for i := range int64(8) {
			fetch(t, v, src, i, 1, true)
			chunk, err := v.Read(t.Context(), nil, i*kib, kib)
			if err != nil {
				t.Fatal(err)
			}
			chunks = append(chunks, chunk)
		}
		ninth := run(t.Context(), v.Claim(8, 1, true), src)
		waiting := readAsync(t.Context(), v, 8*kib, kib)
		wantNothing(t, waiting)
		for i, chunk := range chunks {
			check(t, chunk.Data, int64(i)*kib)
		}
		chunks[3].Release()
		wantBytes(t, waiting, 8*kib, kib)
		for i, chunk := range chunks {
			if i != 3 {
				check(t, chunk.Data, int64(i)*kib)
				chunk.Release()
			}
		}
		if err := <-ninth; err != nil || mem.InUse() > mem.Limit() {
			t.Fatal(err, mem.InUse())
		}
	})
}

// Many readers and guesses on the smallest memory: all must end, and the limit
// must hold at every moment.
func TestTinyMemoryDoesNotDeadlock(t *testing.T) {
	c, mem := memoryOnly(t, 1) // raised to 8
	src := &source{}
	var wg, guesses sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	for i := range 6 {
		v := c.Version(codedObject(string(rune('a'+i%3)), 40*kib+77))
		defer v.Close()
		guesses.Go(func() {
			for at := int64(0); at < 40 && ctx.Err() == nil; at += 4 {
				if f := v.Claim(at, 8, false); f != nil {
					_ = f.Run(ctx, src) // ends with ctx
				}
			}
		})
		for range 4 {
			wg.Go(func() {
				readAll(t, v, src, 300)
				if n := mem.InUse(); n > mem.Limit() {
					t.Errorf("%d bytes of %d in use", n, mem.Limit())
				}
			})
		}
	}
	wg.Wait()
	cancel()
	guesses.Wait()
}
