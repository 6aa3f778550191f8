package prefetch_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

func TestReaderAt(t *testing.T) {
	const size = 30*block + 17
	run(t, near(size), func(w *world) {
		r := w.open()
		defer w.close(r)
		want := make([]byte, size)
		if _, err := s3test.Coded(1, 1, size).ReadAt(want, 0); err != nil && err != io.EOF {
			t.Fatal(err)
		}
		if err := iotest.TestReader(io.NewSectionReader(r, 0, size), want); err != nil {
			t.Error(err)
		}
		got := make([]byte, size+5)
		if n, err := r.ReadAt(got, 0); n != size || err != io.EOF || !bytes.Equal(got[:n], want) {
			t.Errorf("whole: %d, %v", n, err)
		}
		if n, err := r.ReadAt(got[:17], 30*block); n != 17 || err != nil {
			t.Errorf("last bytes: %d, %v", n, err)
		}
		if n, err := r.ReadAt(got[:1], size); n != 0 || err != io.EOF {
			t.Errorf("at the end: %d, %v", n, err)
		}
		if n, err := r.ReadAt(nil, size+5); n != 0 || err != nil {
			t.Errorf("nothing: %d, %v", n, err)
		}
		if _, err := r.ReadAt(got[:1], -1); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("before the beginning: %v", err)
		}
	})
}

// A read far larger than memory must not wait for itself.
func TestReadLargerThanMemory(t *testing.T) {
	s := near(mi)
	s.memory = 16 * block
	run(t, s, func(w *world) {
		r := w.open()
		defer w.close(r)
		p := make([]byte, mi)
		if n, err := r.ReadAt(p, 0); n != mi || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
		if err := s3test.CheckCoded(p, 0, 1, 1); err != nil {
			t.Error(err)
		}
		w.read(r, 3, mi/2)
	})
}

func TestNothingToRead(t *testing.T) {
	run(t, near(100), func(w *world) {
		r := w.open()
		defer w.close(r)
		w.read(r, 0, 0)
		w.read(r, 100, 10)
		w.read(r, 1<<40, 10)
		w.expect(0, 0)
	})
	run(t, near(0), func(w *world) {
		r := w.open()
		defer w.close(r)
		w.read(r, 0, 10)
		for range r.Blocks(context.Background()) {
			t.Error("a block of nothing")
		}
	})
}

func TestBlocks(t *testing.T) {
	const size = mi + 7
	run(t, near(size), func(w *world) {
		r := w.open()
		defer w.close(r)
		off := int64(0)
		for b, err := range r.Blocks(context.Background()) {
			if err != nil {
				t.Fatal(err)
			}
			if b.Off != off || int64(len(b.Data)) != min(block, size-off) {
				t.Fatalf("block at %d of %d bytes, not at %d", b.Off, len(b.Data), off)
			}
			if err := s3test.CheckCoded(b.Data, off, 1, 1); err != nil {
				t.Fatal(err)
			}
			off += int64(len(b.Data))
		}
		if off != size {
			t.Errorf("ended at %d", off)
		}
		w.expect(160, size)
	})
}

func TestBlocksEndsWithItsConsumer(t *testing.T) {
	run(t, near(mi), func(w *world) {
		r := w.open()
		for b, err := range r.Blocks(context.Background()) {
			if err != nil {
				t.Fatal(err)
			}
			if b.Off == 10*block {
				break
			}
		}
		w.close(r)
		cancelled()
		if st := w.crew.Stats(); st.Running != 0 {
			t.Errorf("%+v", st)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		r = w.open()
		defer w.close(r)
		n := 0
		for _, err := range r.Blocks(ctx) {
			if n++; !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled: %v", err)
			}
		}
		if n != 1 {
			t.Errorf("%d results after the context's end", n)
		}
		synctest.Wait()
	})
}
