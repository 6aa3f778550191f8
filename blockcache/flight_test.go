package blockcache_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"

	"github.com/zs3fs/zs3fs/blockcache"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// result of a read in a goroutine of its own.
type result struct {
	chunk blockcache.Chunk
	err   error
}

func readAsync(ctx context.Context, v *blockcache.Version, off int64, n int) chan result {
	c := make(chan result, 1)
	go func() {
		chunk, err := v.Read(ctx, make([]byte, n), off, n)
		c <- result{chunk, err}
	}()
	return c
}

// answered returns the result when there is one already.
func answered(c chan result) (result, bool) {
	synctest.Wait()
	select {
	case r := <-c:
		return r, true
	default:
		return result{}, false
	}
}

func wantBytes(t *testing.T, c chan result, off int64, n int) {
	t.Helper()
	r, ok := answered(c)
	if !ok || r.err != nil || len(r.chunk.Data) != n {
		t.Fatalf("read at %d: answered %v, %d bytes, %v; want %d bytes", off, ok, len(r.chunk.Data), r.err, n)
	}
	check(t, r.chunk.Data, off)
	r.chunk.Release()
}

func wantError(t *testing.T, c chan result, want error) {
	t.Helper()
	if r, ok := answered(c); !ok || !errors.Is(r.err, want) {
		t.Fatalf("answered %v with %v, want %v", ok, r.err, want)
	}
}

func wantNothing(t *testing.T, c chan result) {
	t.Helper()
	if r, ok := answered(c); ok {
		t.Fatalf("answered too early: %d bytes, %v", len(r.chunk.Data), r.err)
	}
}

// run starts a flight in a goroutine and returns where its error comes.
func run(ctx context.Context, f *blockcache.Flight, src blockcache.Source) chan error {
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx, src) }()
	return done
}

// flying is what the tests of flights start from: a version of 8 blocks and a
// half, and a source that gives what is poured.
func flying(t *testing.T) (*blockcache.Version, *source, *faucet) {
	c, _ := memoryOnly(t, 16)
	v := c.Version(codedObject("a", 8*kib+kib/2))
	t.Cleanup(v.Close)
	tap := newFaucet()
	return v, &source{body: tap.body}, tap
}

func TestReaderIsAnsweredAsSoonAsItsBytesAreThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, src, tap := flying(t)
		f := v.Claim(0, 100, true)
		if first, n := f.Range(); first != 0 || n != 9 {
			t.Fatalf("claimed %d, %d", first, n)
		}
		done := run(t.Context(), f, src)
		early := readAsync(t.Context(), v, 100, 200)
		late := readAsync(t.Context(), v, 5*kib+10, 5000)
		tap.pour(299)
		wantNothing(t, early)
		tap.pour(1)
		wantBytes(t, early, 100, 200)
		tap.pour(5*kib - 300)
		wantNothing(t, late)
		tap.pour(kib)
		wantBytes(t, late, 5*kib+10, kib-10)
		wantBytes(t, readAsync(t.Context(), v, 5*kib, kib), 5*kib, kib)
		tap.pour(3 * kib)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		wantBytes(t, readAsync(t.Context(), v, 8*kib+1, 4000), 8*kib+1, kib/2-1)
		if src.requests.Load() != 1 {
			t.Fatalf("%d requests for one run", src.requests.Load())
		}
	})
}

func TestClaimTakesEachBlockOnce(t *testing.T) {
	v, src, tap := flying(t)
	tap.pour(100 * kib)
	if at, n := v.Missing(2, 3); at != 2 || n != 3 {
		t.Fatalf("missing %d, %d", at, n)
	}
	f := v.Claim(2, 3, false)
	if at, n := v.Missing(0, 100); at != 0 || n != 2 {
		t.Fatalf("missing before the claim: %d, %d", at, n)
	}
	if at, n := v.Missing(2, 100); at != 5 || n != 4 {
		t.Fatalf("missing behind the claim: %d, %d", at, n)
	}
	if v.Claim(2, 3, true) != nil {
		t.Fatal("claimed twice")
	}
	if err := f.Run(t.Context(), src); err != nil {
		t.Fatal(err)
	}
	if _, n := v.Missing(2, 3); n != 0 {
		t.Fatal("missing though in memory")
	}
	if _, n := v.Missing(9, 1<<60); n != 0 {
		t.Fatal("missing behind the end")
	}
}

// F68: one of 100 readers of a block is interrupted.
func TestInterruptEndsOneWaitOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, src, tap := flying(t)
		done := run(t.Context(), v.Claim(0, 1, true), src)
		ctx, interrupt := context.WithCancel(t.Context())
		unlucky := readAsync(ctx, v, 0, kib)
		var rest []chan result
		for range 99 {
			rest = append(rest, readAsync(t.Context(), v, 0, kib))
		}
		tap.pour(10)
		wantNothing(t, unlucky)
		interrupt()
		wantError(t, unlucky, context.Canceled)
		tap.pour(kib - 10)
		for _, c := range rest {
			wantBytes(t, c, 0, kib)
		}
		if err := <-done; err != nil || src.requests.Load() != 1 {
			t.Fatalf("%v, %d requests", err, src.requests.Load())
		}
	})
}

func TestFailedFlight(t *testing.T) {
	broken := errors.New("broken")
	for _, tc := range []struct {
		name   string
		demand bool
		end    func(tap *faucet, cancel func())
		want   error
	}{
		{"source fails a demand", true, func(tap *faucet, _ func()) { tap.fail(broken) }, broken},
		{"source fails a guess that a reader joined", false, func(tap *faucet, _ func()) { tap.fail(broken) }, broken},
		{"body ends early", true, func(tap *faucet, _ func()) { tap.fail(io.EOF) }, io.ErrUnexpectedEOF},
		{"context ends a demand", true, func(_ *faucet, cancel func()) { cancel() }, context.Canceled},
		{"context ends a guess", false, func(_ *faucet, cancel func()) { cancel() }, blockcache.ErrMiss},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v, src, tap := flying(t)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				done := run(ctx, v.Claim(0, 3, tc.demand), src)
				tap.pour(kib + 10)
				joined := readAsync(t.Context(), v, kib, kib)
				behind := readAsync(t.Context(), v, 2*kib, kib)
				part, ok := answered(readAsync(t.Context(), v, kib, 10))
				if !ok || part.err != nil {
					t.Fatal("bytes that arrived were not answered")
				}
				tc.end(tap, cancel)
				wantError(t, joined, tc.want)
				wantError(t, behind, tc.want)
				if err := <-done; err == nil {
					t.Fatal("Run says all is well")
				}
				check(t, part.chunk.Data, kib) // what arrived stays right
				part.chunk.Release()
				wantError(t, readAsync(t.Context(), v, kib, 10), blockcache.ErrMiss)
				wantBytes(t, readAsync(t.Context(), v, 0, kib), 0, kib)
				if at, n := v.Missing(0, 3); at != 1 || n != 2 {
					t.Fatalf("missing %d, %d", at, n)
				}
			})
		})
	}
}

func TestPanickingSourceHangsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, src, tap := flying(t)
		src.body = func(ctx context.Context, r io.Reader) io.Reader {
			r = tap.body(ctx, r)
			return readerFunc(func(p []byte) (int, error) {
				if n, err := r.Read(p); err == nil {
					return n, nil
				}
				panic("source")
			})
		}
		done := make(chan any)
		f := v.Claim(0, 2, true)
		go func() {
			defer func() { done <- recover() }()
			f.Run(context.Background(), src)
		}()
		waiting := readAsync(t.Context(), v, kib, kib)
		wantNothing(t, waiting)
		tap.fail(io.EOF)
		if p := <-done; fmt.Sprint(p) != "source" {
			t.Fatalf("recovered %v", p)
		}
		if r, ok := answered(waiting); !ok || r.err == nil {
			t.Fatal("the reader still waits")
		}
		if _, n := v.Missing(0, 2); n != 2 {
			t.Fatal("the blocks are not free for another flight")
		}
	})
}

func TestCancelEndsAGuess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, src, tap := flying(t)
		f := v.Claim(0, 4, false)
		done := run(t.Context(), f, src)
		tap.pour(kib + 1)
		synctest.Wait()
		f.Cancel()
		wantError(t, readAsync(t.Context(), v, kib, 1), blockcache.ErrMiss)
		if again := v.Claim(1, 3, true); again == nil {
			t.Fatal("a cancelled flight still holds its blocks")
		} else {
			defer again.Run(t.Context(), src)
		}
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		wantBytes(t, readAsync(t.Context(), v, 0, kib), 0, kib)
		tap.pour(3 * kib)
	})
}

func TestCancelGoesOnToTheLastBlockWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, src, tap := flying(t)
		f := v.Claim(0, 8, false)
		done := run(t.Context(), f, src)
		ctx, interrupt := context.WithCancel(t.Context())
		near := readAsync(t.Context(), v, 2*kib, kib)
		far := readAsync(ctx, v, 5*kib, kib)
		synctest.Wait()
		f.Cancel()
		if at, n := v.Missing(0, 8); at != 6 || n != 2 {
			t.Fatalf("missing %d, %d", at, n)
		}
		interrupt() // the farther one leaves, too: the flight is shortened again
		wantError(t, far, context.Canceled)
		if at, n := v.Missing(0, 8); at != 3 || n != 5 {
			t.Fatalf("missing %d, %d", at, n)
		}
		tap.pour(3 * kib)
		wantBytes(t, near, 2*kib, kib)
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	})
}

func TestCancelBeforeRun(t *testing.T) {
	v, src, _ := flying(t)
	f := v.Claim(0, 8, false)
	f.Cancel()
	if err := f.Run(t.Context(), src); !errors.Is(err, context.Canceled) || src.requests.Load() != 0 {
		t.Fatalf("%v after %d requests", err, src.requests.Load())
	}
	if _, n := v.Missing(0, 8); n != 8 {
		t.Fatal("still claimed")
	}
}

func TestReadOutsideTheObject(t *testing.T) {
	v, _, _ := flying(t)
	for _, off := range []int64{-1, 8*kib + kib/2, 1 << 62} {
		if _, err := v.Read(t.Context(), nil, off, 1); err == nil || errors.Is(err, blockcache.ErrMiss) {
			t.Errorf("at %d: %v", off, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := v.Read(ctx, nil, 0, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: %v", err)
	}
}

// TestCancelledAtItsLastByte: who cancels a guess as soon as he has its last byte, as a
// reader who closes does, does not lose the block.
func TestCancelledAtItsLastByte(t *testing.T) {
	v, src, _ := flying(t)
	f := v.Claim(0, 3, false)
	body := io.NewSectionReader(s3test.Coded(seed, 1, 9*kib), 0, kib)
	if err := blockcache.CancelAtLastByte(t.Context(), f, body); err != nil {
		t.Fatal(err)
	}
	if at, n := v.Missing(0, 3); at != 1 || n != 2 {
		t.Fatalf("missing %d, %d: the whole block is lost, or the others are still claimed", at, n)
	}
	c, err := v.Read(t.Context(), make([]byte, kib), 0, kib)
	if err != nil {
		t.Fatal(err)
	}
	check(t, c.Data, 0)
	c.Release()
	if src.requests.Load() != 0 {
		t.Fatal("fetched again")
	}
}

// TestCancelledBlockIsNotWritten: a guess is cancelled in the middle of a block whose last
// bytes come all the same, and somebody else fetches it before the disk has either.
func TestCancelledBlockIsNotWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		c := openFaulty(t, config(t.TempDir(), 1000), blockcache.Faults{
			Pwrite: func(p []byte, _ int64, real func() (int, error)) (int, error) {
				if len(p) == kib {
					<-hold
				}
				return real()
			},
		})
		obj := codedObject("a", 3*kib)
		v := c.Version(obj)
		tap := newFaucet()
		f := v.Claim(0, 1, false)
		// Bytes that have arrived already come out of the body after its context ended.
		src := &source{body: func(_ context.Context, r io.Reader) io.Reader { return tap.body(context.Background(), r) }}
		done := run(t.Context(), f, src)
		tap.pour(kib - 1)
		synctest.Wait()
		f.Cancel()
		tap.pour(1)
		synctest.Wait()
		if err := <-done; err != nil {
			t.Errorf("the guess, which had all its bytes: %v", err)
		}
		fetch(t, v, &source{}, 0, 1, true) // a reader comes back
		synctest.Wait()
		close(hold)
		synctest.Wait()
		fetch(t, v, &source{}, 1, 2, true)
		synctest.Wait()
		present, _ := v.Cached()
		if n := c.Stats().DiskBytes; n != present*kib {
			t.Errorf("%d bytes counted, %d blocks present", n, present)
		}
		if b, err := v.Passthrough(t.Context()); b == nil {
			t.Errorf("complete (%d of 3) and not passed through: %v", present, err)
		} else {
			b.Release()
		}
		v.Close()
		closeCache(t, c)
	})
}
