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

// tryPages is try as the kernel reads for its page cache.
func (w *world) tryPages(r *prefetch.Reader, off, n int64) error {
	return w.tryBy(r.ReadPages, context.Background(), off, n)
}

// pages reads n bytes at off that somebody needs.
func (w *world) pages(r *prefetch.Reader, off, n int64) {
	w.t.Helper()
	if err := w.tryPages(r, off, n); err != nil {
		w.t.Fatal(err)
	}
}

// behind reads a stride that the kernel alone wants.
func (w *world) behind(r *prefetch.Reader, off int64) {
	w.t.Helper()
	if err := w.tryPages(r, off, stride); err != nil && !errors.Is(err, prefetch.ErrUnneeded) {
		w.t.Fatal(err)
	}
}

// column reads a column of nearly a block as the kernel does: its header's page, then
// strides, of which the last one lies wholly behind it. It returns where that one is.
func (w *world) column(r *prefetch.Reader, at int64) (behind int64) {
	w.t.Helper()
	w.pages(r, at, 4)
	w.pages(r, at+4, stride)
	w.pages(r, at+4+stride, stride-4)
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
		w.behind(r, w.column(r, at))
		at += group
	}
	for w.column(r, at)%block < block-stride {
		w.behind(r, at+2*stride)
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

// What the kernel alone reads behind a column is not worth a request; who does come to it
// gets it, and so does who reads it without a kernel's pages between.
func TestPagesBehindColumns(t *testing.T) {
	run(t, columned(), func(w *world) {
		r, behind := learned(w)
		defer w.close(r)
		requests, bytes, _ := w.src.seen()
		refused := w.crew.Stats().Refused
		began := time.Now()
		if err := w.tryPages(r, behind, stride); !errors.Is(err, prefetch.ErrUnneeded) {
			t.Errorf("behind a column: %v", err)
		}
		synctest.Wait()
		if n, b, _ := w.src.seen(); n != requests || b != bytes || time.Since(began) != 0 {
			t.Errorf("%d requests and %d bytes in %v for pages that nobody needs", n-requests, b-bytes, time.Since(began))
		}
		for off := behind; off < behind+stride; off += 4 { // pages, as the kernel asks for them then
			if err := w.tryPages(r, off, 4); err != nil {
				t.Fatalf("the page at %d: %v", off, err)
			}
		}
		if err := w.tryPages(r, behind+stride, stride); err != nil {
			t.Errorf("who went on: %v", err)
		}
		if err := w.tryPages(r, behind, stride); err != nil {
			t.Errorf("once more: %v", err)
		}
		if n := w.crew.Stats().Refused - refused; n != 1 {
			t.Errorf("%d counted", n)
		}
	})
}

// What is in the cache is given, however little it is needed.
func TestPagesBehindColumnsAreThere(t *testing.T) {
	run(t, columned(), func(w *world) {
		r, behind := learned(w)
		defer w.close(r)
		w.read(w.open(), behind, stride) // by another handle, and no page
		if err := w.tryPages(r, behind, stride); err != nil {
			t.Error(err)
		}
	})
}

// A failure stays one: what is not the kernel's alone is never refused.
func TestReadsBehindColumnsFail(t *testing.T) {
	run(t, columned(), func(w *world) {
		r, behind := learned(w)
		defer w.close(r)
		failure := errors.New("no")
		w.src.set(func(off, n int64) error { return failure })
		if err := w.try(context.Background(), r, behind, stride); !errors.Is(err, failure) {
			t.Errorf("it failed with %v", err)
		}
		w.src.set(nil)
		w.read(r, behind, stride)
	})
}
