package prefetch_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/thrift/lib/go/thrift"

	"github.com/zs3fs/zs3fs/prefetch"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

const (
	tableGroups  = 16
	tableColumns = 6
)

// withTail is coded bytes, of which the last ones are others.
type withTail struct {
	s3test.Content
	tail []byte
}

func (c withTail) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.Content.ReadAt(p, off)
	if from := c.Size() - int64(len(c.tail)); off+int64(n) > from {
		lead := max(from-off, 0)
		copy(p[lead:n], c.tail[max(off-from, 0):])
	}
	return n, err
}

// table is a Parquet file of which only the footer is one: where its chunks begin, and the
// last one ends, in the file's order, group by group.
type table struct {
	content s3test.Content
	offs    []int64
	footer  int64 // where it begins
}

// newTable makes chunks of 2 to 5 blocks, and damages the footer where it is told to.
func newTable(t *testing.T, damage func(footer []byte)) table {
	offs := []int64{4}
	for i := range int64(tableGroups * tableColumns) {
		offs = append(offs, offs[i]+2*block+(i*i*389)%(3*block))
	}
	footer := encodeFooter(t, offs)
	if damage != nil {
		damage(footer)
	}
	tail := append(footer, binary.LittleEndian.AppendUint32(nil, uint32(len(footer)))...)
	tail = append(tail, "PAR1"...)
	from := offs[len(offs)-1]
	return table{withTail{s3test.Coded(1, 1, from+int64(len(tail))), tail}, offs, from}
}

// encodeFooter writes what a footer has of the places of chunks.
func encodeFooter(t *testing.T, offs []int64) []byte {
	ctx, b := t.Context(), thrift.NewTMemoryBuffer()
	p := thrift.NewTCompactProtocolConf(b, nil)
	list := func(id int16, n int, element func(i int)) {
		p.WriteFieldBegin(ctx, "", thrift.LIST, id)
		p.WriteListBegin(ctx, thrift.STRUCT, n)
		for i := range n {
			p.WriteStructBegin(ctx, "")
			element(i)
			p.WriteFieldStop(ctx)
			p.WriteStructEnd(ctx)
		}
	}
	number := func(id int16, v int64) {
		p.WriteFieldBegin(ctx, "", thrift.I64, id)
		p.WriteI64(ctx, v)
	}
	p.WriteStructBegin(ctx, "")
	list(4, tableGroups, func(group int) {
		list(1, tableColumns, func(column int) {
			at := group*tableColumns + column
			p.WriteFieldBegin(ctx, "", thrift.STRUCT, 3)
			p.WriteStructBegin(ctx, "")
			number(7, offs[at+1]-offs[at])
			number(9, offs[at])
			p.WriteFieldStop(ctx)
			p.WriteStructEnd(ctx)
		})
	})
	p.WriteFieldStop(ctx)
	p.WriteStructEnd(ctx)
	return bytes.Clone(b.Bytes())
}

// put makes the table the world's object.
func (w *world) put(tb table) { w.obj = w.src.bucket.Put("table", tb.content) }

// readTail reads the end of a table as its readers do: the trailer, and then the footer.
func (w *world) readTail(r *prefetch.Reader, tb table) {
	w.t.Helper()
	size := tb.content.Size()
	for _, s := range [][2]int64{{size - 8, size}, {tb.footer, size - 8}} {
		got, want := make([]byte, s[1]-s[0]), make([]byte, s[1]-s[0])
		if _, err := r.ReadAt(got, s[0]); err != nil {
			w.t.Fatal(err)
		}
		if _, err := tb.content.ReadAt(want, s[0]); err != nil || !bytes.Equal(got, want) {
			w.t.Errorf("%v: the bytes [%d, %d) are not those of the object", err, s[0], s[1])
		}
	}
	synctest.Wait()
}

// readColumn reads a chunk by strides, as the kernel does for a reader, and returns how many
// of them were waited for. The last one goes beyond the chunk's end.
func (w *world) readColumn(r *prefetch.Reader, tb table, group, column int) (waited int) {
	w.t.Helper()
	at := group*tableColumns + column
	for off := tb.offs[at] / 4 * 4; off < tb.offs[at+1]; off += block / 2 {
		began := time.Now()
		end := tb.offs[at+1]
		switch err := w.tryPages(r, off, min(block/2, tb.footer-off)); {
		case errors.Is(err, prefetch.ErrUnneeded):
			for page := off; page < end; page += 4 { // which the kernel does then
				w.pages(r, page, 4)
			}
		case err != nil:
			w.t.Fatal(err)
		}
		if time.Since(began) > 0 {
			waited++
		}
		time.Sleep(2 * time.Millisecond) // for its work: 250 blocks a second
	}
	return waited
}

// TestColumnChunks: once the footer has been read, the chunks of two columns are fetched
// ahead from the third row group on, each once and hardly anything between.
func TestColumnChunks(t *testing.T) {
	tb := newTable(t, nil)
	s := near(mi)
	s.stride = block / 2
	run(t, s, func(w *world) {
		w.put(tb)
		r := w.open()
		defer w.close(r)
		w.readTail(r, tb)
		if n := w.crew.Stats().ColumnChunks; n != tableGroups*tableColumns {
			t.Fatalf("%d column chunks are known, of %d", n, tableGroups*tableColumns)
		}
		_, before, _ := w.src.seen()
		var waited, late int
		blocks := map[int64]bool{}
		for g := range tableGroups {
			for _, c := range []int{1, 4} {
				n := w.readColumn(r, tb, g, c)
				waited += n
				if g > 2 {
					late += n
				}
				at := g*tableColumns + c
				for b := tb.offs[at] / block; b <= (tb.offs[at+1]-1)/block; b++ {
					blocks[b] = true
				}
			}
		}
		synctest.Wait()
		_, delivered, most := w.src.seen()
		if needed := int64(len(blocks)) * block; delivered-before > needed*21/20 || most > 1 {
			t.Errorf("%d bytes fetched where %d are needed; a block up to %d times", delivered-before, needed, most)
		}
		// Four chunks are the first of their columns, or of the second row group; a wait for each
		// block of these, and for what is on its way a little later.
		if late > 0 || waited > 20 {
			t.Errorf("%d waits, %d of them after the third row group", waited, late)
		}
	})
}

// TestColumnChunksUnknown: a footer that cannot be read, or is not one, changes nothing for
// who reads.
func TestColumnChunksUnknown(t *testing.T) {
	for name, damage := range map[string]func([]byte){
		"zeros":   func(b []byte) { clear(b) },
		"ones":    func(b []byte) { copy(b[len(b)/2:], bytes.Repeat([]byte{255}, len(b))) },
		"shifted": func(b []byte) { copy(b, b[1:]) },
	} {
		t.Run(name, func(t *testing.T) {
			tb := newTable(t, damage)
			run(t, near(mi), func(w *world) {
				w.put(tb)
				r := w.open()
				defer w.close(r)
				w.readTail(r, tb)
				if n := w.crew.Stats().ColumnChunks; n != 0 {
					t.Errorf("%d column chunks are known of a broken footer", n)
				}
				for g := range 4 {
					w.readColumn(r, tb, g, 1)
				}
			})
		})
	}
}

// TestColumnChunksForNobody: where nothing is read ahead, nothing is learned of columns, and
// none of it counted as kept.
func TestColumnChunksForNobody(t *testing.T) {
	tb := newTable(t, nil)
	s := near(mi)
	s.window = 0
	run(t, s, func(w *world) {
		w.put(tb)
		r := w.open()
		w.readTail(r, tb)
		w.close(r)
		if n := w.crew.Stats().ColumnChunks; n != 0 {
			t.Errorf("%d column chunks are known", n)
		}
	})
}

// TestColumnChunksAreForgotten: what is known of files that were closed is kept for the latest
// ones only, and counted.
func TestColumnChunksAreForgotten(t *testing.T) {
	tb := newTable(t, nil)
	run(t, near(mi), func(w *world) {
		w.put(tb)
		table := w.obj
		r := w.open()
		w.readTail(r, tb)
		w.close(r)
		r = w.open() // knows it still
		w.readColumn(r, tb, 0, 1)
		w.close(r)
		if n := w.crew.Stats().ColumnChunks; n != tableGroups*tableColumns {
			t.Errorf("%d column chunks are known, of %d", n, tableGroups*tableColumns)
		}
		for i := range 64 {
			w.obj = w.src.bucket.Put(fmt.Sprintf("other%02d", i), s3test.Coded(1, 1, 64*block))
			r := w.open()
			w.read(r, 0, block)
			w.close(r)
		}
		synctest.Wait()
		if n := w.crew.Stats().ColumnChunks; n != 0 {
			t.Errorf("%d column chunks are known, and their file is forgotten", n)
		}
		w.obj = table
		r = w.open() // learns it anew, of what is in the cache, at a read in the middle
		w.readColumn(r, tb, 3, 1)
		synctest.Wait()
		if n := w.crew.Stats().ColumnChunks; n != tableGroups*tableColumns {
			t.Errorf("%d column chunks are known after the file was opened again", n)
		}
		w.close(r)
	})
}

// TestColumnChunksOfManyFiles: files that are opened at once do not wait for each other, nor
// for what nobody reads, and closing the crew ends it.
func TestColumnChunksOfManyFiles(t *testing.T) {
	tb := newTable(t, nil)
	run(t, near(mi), func(w *world) {
		var all []*prefetch.Reader
		for i := range 20 {
			w.obj = w.src.bucket.Put(fmt.Sprintf("table%02d", i), tb.content)
			r := w.open()
			all = append(all, r)
			if res, err := r.Read(context.Background(), make([]byte, 8), tb.content.Size()-8); err != nil {
				t.Error(err)
			} else {
				res.Release()
			}
		}
		synctest.Wait()
		if n := w.crew.Stats().ColumnChunks; n != 20*tableGroups*tableColumns {
			t.Errorf("%d column chunks are known", n)
		}
		for _, r := range all {
			w.close(r)
		}
	})
}
