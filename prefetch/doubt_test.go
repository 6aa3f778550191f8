package prefetch_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zs3fs/zs3fs/prefetch"
)

const stride = block / 2

// group is the distance of columns: their ends lie anywhere in a block.
const group = 20*block + 300

// column reads a column of nearly a block as the kernel does: its header's page, then
// strides, of which the last one lies wholly behind it. It returns where that one is.
func (w *world) column(r *prefetch.Reader, at int64) (behind int64) {
	w.t.Helper()
	w.read(r, at, 4)
	w.read(r, at+4, stride)
	w.read(r, at+4+stride, stride-4)
	return at + 2*stride
}

// learned opens a reader that has read columns with what lies behind them until it is
// known, and returns with the next column's last stride, in a block of which nothing has
// been asked for.
func learned(w *world) (r *prefetch.Reader, behind int64) {
	w.t.Helper()
	r = w.open()
	at := int64(block)
	for range 8 {
		w.read(r, w.column(r, at), stride)
		at += group
	}
	for w.column(r, at)%block < block-stride {
		w.read(r, at+2*stride, stride)
		at += group
	}
	time.Sleep(time.Minute)
	return r, at + 2*stride
}

func columned() shape {
	s := near(mi)
	s.stride, s.window = stride, 8*block
	return s
}

// What the kernel alone reads behind a column comes without the rest of its block, and
// is not kept; who does come to it gets the block.
func TestBytesBehindColumns(t *testing.T) {
	run(t, columned(), func(w *world) {
		r, behind := learned(w)
		defer w.close(r)
		requests, bytes, _ := w.src.seen()
		unkept := w.crew.Stats().Unkept
		w.read(r, behind, stride)
		synctest.Wait()
		over := (behind + stride) % block
		if n, b, _ := w.src.seen(); n != requests+1 || b != bytes+over {
			t.Errorf("%d requests and %d bytes, where 1 of %d were missing", n-requests, b-bytes, over)
		}
		if n := w.crew.Stats().Unkept - unkept; n != 1 {
			t.Errorf("%d counted", n)
		}
		w.read(r, behind+stride, stride)
		synctest.Wait()
		if n, b, _ := w.src.seen(); n < requests+2 || b < bytes+over+block {
			t.Errorf("who went on had %d requests and %d bytes", n-requests, b-bytes)
		}
		w.read(r, behind, 2*stride)
		if n := w.crew.Stats().Unkept - unkept; n != 1 {
			t.Errorf("%d counted in the end", n)
		}
	})
}

// What is asked for in doubt fails as any demand does: at once and with its error, and
// the next read asks again.
func TestBytesBehindColumnsFail(t *testing.T) {
	run(t, columned(), func(w *world) {
		r, behind := learned(w)
		defer w.close(r)
		requests, _, _ := w.src.seen()
		failure := errors.New("no")
		w.src.set(func(off, n int64) error { return failure })
		if err := w.try(context.Background(), r, behind, stride); !errors.Is(err, failure) {
			t.Errorf("it failed with %v", err)
		}
		if n, _, _ := w.src.seen(); n != requests+1 {
			t.Errorf("%d requests", n-requests)
		}
		w.src.set(nil)
		w.read(r, behind, stride)
	})
}

// Who gives up does so at once, and with him ends what nobody else waits for.
func TestBytesBehindColumnsInterrupted(t *testing.T) {
	run(t, columned(), func(w *world) {
		r, behind := learned(w)
		defer w.close(r)
		_, bytes, _ := w.src.seen()
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		began := time.Now()
		if err := w.try(ctx, r, behind, stride); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("interrupted: %v", err)
		}
		if took := time.Since(began); took != time.Millisecond {
			t.Errorf("it took %v", took)
		}
		time.Sleep(time.Second)
		if _, b, _ := w.src.seen(); b != bytes {
			t.Errorf("%d bytes came all the same", b-bytes)
		}
		w.read(r, behind, stride)
	})
}
