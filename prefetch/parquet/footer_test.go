package parquet_test

import (
	"context"
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/apache/thrift/lib/go/thrift"

	"github.com/zs3fs/zs3fs/prefetch/parquet"
)

const fileSize = 1 << 40

// footer is what a writer of Parquet would write of a file: the fields that matter
// between others that do not.
type footer struct {
	groups   [][]entry
	kind     thrift.TType // of the elements of the lists; 0 for structs
	withhold bool         // no row groups at all
	column   string       // what a column of the schema is called
}

// entry is a ColumnChunk.
type entry struct {
	length, data, dictionary int64
	path                     string
	encrypted                bool // without its metadata
}

func (f footer) encode(t testing.TB) []byte {
	t.Helper()
	b := thrift.NewTMemoryBuffer()
	w := writer{t, thrift.NewTCompactProtocolConf(b, nil)}
	w.structure(func() {
		w.i32(1, 2)
		w.field(2, thrift.LIST, func() { // the schema
			w.check(w.p.WriteListBegin(w.ctx(), thrift.STRUCT, 1))
			w.structure(func() { w.text(4, "root"+f.column) })
		})
		w.i64(3, 1000)
		if f.withhold {
			return
		}
		kind := max(f.kind, thrift.STRUCT)
		if f.kind != 0 {
			kind = f.kind
		}
		w.field(4, thrift.LIST, func() {
			w.check(w.p.WriteListBegin(w.ctx(), kind, len(f.groups)))
			for _, g := range f.groups {
				if kind != thrift.STRUCT {
					w.check(w.p.WriteI64(w.ctx(), 1))
					continue
				}
				w.structure(func() { w.group(g) })
			}
		})
		w.text(6, "a writer of the tests")
	})
	return b.Bytes()
}

type writer struct {
	t testing.TB
	p thrift.TProtocol
}

func (w writer) group(g []entry) {
	w.field(1, thrift.LIST, func() {
		w.check(w.p.WriteListBegin(w.ctx(), thrift.STRUCT, len(g)))
		for _, e := range g {
			w.structure(func() { w.column(e) })
		}
	})
	w.i64(2, 12345)
}

func (w writer) column(e entry) {
	if e.path != "" {
		w.text(1, e.path)
	}
	w.i64(2, 4)
	if e.encrypted {
		return
	}
	w.field(3, thrift.STRUCT, func() {
		w.structure(func() {
			w.i32(1, 2)
			w.field(3, thrift.LIST, func() {
				w.check(w.p.WriteListBegin(w.ctx(), thrift.STRING, 2))
				w.check(w.p.WriteString(w.ctx(), "outer"))
				w.check(w.p.WriteString(w.ctx(), "inner"))
			})
			w.i64(5, 77)
			w.i64(6, 1<<40)
			w.i64(7, e.length)
			w.i64(9, e.data)
			if e.dictionary != 0 {
				w.i64(11, e.dictionary)
			}
			w.field(12, thrift.STRUCT, func() { // statistics
				w.structure(func() {
					w.text(5, strings.Repeat("z", 300))
					w.field(7, thrift.BOOL, func() { w.check(w.p.WriteBool(w.ctx(), true)) })
				})
			})
		})
	})
}

func (w writer) ctx() context.Context { return w.t.Context() }

func (w writer) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w writer) structure(fields func()) {
	w.check(w.p.WriteStructBegin(w.ctx(), ""))
	fields()
	w.check(w.p.WriteFieldStop(w.ctx()))
	w.check(w.p.WriteStructEnd(w.ctx()))
}

func (w writer) field(id int16, kind thrift.TType, value func()) {
	w.check(w.p.WriteFieldBegin(w.ctx(), "", kind, id))
	value()
	w.check(w.p.WriteFieldEnd(w.ctx()))
}

func (w writer) i32(id int16, v int32) {
	w.field(id, thrift.I32, func() { w.check(w.p.WriteI32(w.ctx(), v)) })
}

func (w writer) i64(id int16, v int64) {
	w.field(id, thrift.I64, func() { w.check(w.p.WriteI64(w.ctx(), v)) })
}

func (w writer) text(id int16, v string) {
	w.field(id, thrift.STRING, func() { w.check(w.p.WriteString(w.ctx(), v)) })
}

func TestChunks(t *testing.T) {
	plain := [][]entry{
		{{length: 100, data: 4}, {length: 50, data: 134, dictionary: 104}},
		{{length: 10, data: 154, dictionary: 0}, {length: 20, data: 170}},
	}
	for name, c := range map[string]struct {
		footer footer
		want   []parquet.Chunk
		err    string
	}{
		"two groups": {footer: footer{groups: plain}, want: []parquet.Chunk{
			{Off: 4, End: 104}, {Off: 104, End: 154, Column: 1},
			{Off: 154, End: 164, Group: 1}, {Off: 170, End: 190, Group: 1, Column: 1},
		}},
		"in another order": {footer: footer{groups: [][]entry{{{length: 10, data: 500}, {length: 5, data: 4}}}}, want: []parquet.Chunk{
			{Off: 4, End: 9, Column: 1}, {Off: 500, End: 510},
		}},
		"a dictionary after the data is none": {footer: footer{groups: [][]entry{{{length: 10, data: 50, dictionary: 60}}}}, want: []parquet.Chunk{
			{Off: 50, End: 60},
		}},
		"encrypted, or in another file": {footer: footer{groups: [][]entry{{
			{encrypted: true}, {length: 7, data: 4, path: "other.parquet"}, {length: 7, data: 4},
		}, {{length: 7, data: 11}, {length: 7, data: 18}}}}, want: []parquet.Chunk{
			{Off: 4, End: 11, Column: 2}, {Off: 11, End: 18, Group: 1}, {Off: 18, End: 25, Group: 1, Column: 1},
		}},
		"sparse columns":  {footer: footer{groups: [][]entry{{{encrypted: true}, {length: 7, data: 4}}}}, err: "hardly any"},
		"sparse groups":   {footer: footer{groups: [][]entry{{}, {{length: 7, data: 4}}}}, err: "hardly any"},
		"no groups":       {footer: footer{}},
		"groups withheld": {footer: footer{withhold: true}},
		"not structs":     {footer: footer{groups: plain, kind: thrift.I64}, err: "a list of I64"},
		"too many":        {footer: footer{groups: [][]entry{{{length: 1, data: 4}, {length: 1, data: 5}, {length: 1, data: 6}, {length: 1, data: 7}, {length: 1, data: 8}}}}, err: "more column chunks"},
		"overlapping":     {footer: footer{groups: [][]entry{{{length: 10, data: 4}, {length: 10, data: 13}}}}, err: "outside the file's data"},
		"twice":           {footer: footer{groups: [][]entry{{{length: 10, data: 4}, {length: 10, data: 4}}}}, err: "outside the file's data"},
		"in the magic":    {footer: footer{groups: [][]entry{{{length: 10, data: 3}}}}, err: "outside the file's data"},
		"empty":           {footer: footer{groups: [][]entry{{{length: 0, data: 4}}}}, err: "outside the file's data"},
		"past the end":    {footer: footer{groups: [][]entry{{{length: 10, data: fileSize}}}}, err: "outside the file's data"},
		"negative length": {footer: footer{groups: [][]entry{{{length: -1, data: 4}}}}, err: "outside the file's data"},
		"negative offset": {footer: footer{groups: [][]entry{{{length: 10, data: math.MinInt64}}}}, err: "outside the file's data"},
		"overflowing":     {footer: footer{groups: [][]entry{{{length: math.MaxInt64, data: 4}}}}, err: "outside the file's data"},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := parquet.Decode(c.footer.encode(t), fileSize, 4)
			got := f.Chunks
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("%v, %v; want an error with %q", got, err, c.err)
				}
				return
			}
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%v, %v; want %v", got, err, c.want)
			}
		})
	}
}

// TestSchema: a schema is the same whatever else differs between two files.
func TestSchema(t *testing.T) {
	schema := func(f footer) parquet.Schema {
		got, err := parquet.Decode(f.encode(t), fileSize, 4)
		if err != nil {
			t.Fatal(err)
		}
		return got.Schema
	}
	a := schema(footer{groups: [][]entry{{{length: 100, data: 4}}}})
	if b := schema(footer{groups: [][]entry{{{length: 7, data: 400}}, {{length: 70, data: 500}}}}); a != b {
		t.Errorf("other row groups: %x and %x", a, b)
	}
	if b := schema(footer{groups: [][]entry{{{length: 100, data: 4}}}, column: "x"}); a == b {
		t.Errorf("another column: %x twice", a)
	}
}

// TestBrokenFooter: whatever is missing of a footer, or is another bit of it, has an end.
func TestBrokenFooter(t *testing.T) {
	whole := footer{groups: [][]entry{{{length: 100, data: 4}, {length: 50, data: 134, dictionary: 104}}}}.encode(t)
	want, err := parquet.Decode(whole, fileSize, 4)
	if err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		if got, err := parquet.Decode(whole[:n], fileSize, 4); err == nil {
			t.Errorf("%d of %d bytes: %v", n, len(whole), got)
		}
	}
	bad := 0
	for bit := range 8 * len(whole) {
		broken := slices.Clone(whole)
		broken[bit/8] ^= 1 << (bit % 8)
		if got, err := parquet.Decode(broken, fileSize, 4); err != nil || !slices.Equal(got.Chunks, want.Chunks) {
			bad++
		}
	}
	if bad == 0 {
		t.Error("no bit makes a difference")
	}
}

func TestFooterSize(t *testing.T) {
	trailer := func(n uint32, magic string) []byte {
		return append(binary.LittleEndian.AppendUint32(nil, n), magic...)
	}
	for name, c := range map[string]struct {
		trailer []byte
		size    int64
		want    int64
		ok      bool
	}{
		"a file":            {trailer(100, "PAR1"), 1000, 100, true},
		"just large enough": {trailer(100, "PAR1"), 112, 100, true},
		"too small a file":  {trailer(100, "PAR1"), 111, 0, false},
		"encrypted":         {trailer(100, "PARE"), 1000, 0, false},
		"something else":    {trailer(100, "ORC\x03"), 1000, 0, false},
		"empty":             {trailer(0, "PAR1"), 1000, 0, false},
		"too large":         {trailer(parquet.MaxFooter+1, "PAR1"), fileSize, 0, false},
		"the largest":       {trailer(parquet.MaxFooter, "PAR1"), fileSize, parquet.MaxFooter, true},
		"larger than int32": {trailer(math.MaxUint32, "PAR1"), fileSize, 0, false},
		"cut":               {trailer(100, "PAR1")[1:], 1000, 0, false},
	} {
		if got, ok := parquet.FooterSize(c.trailer, c.size); ok != c.ok || ok && got != c.want {
			t.Errorf("%s: %d, %v", name, got, ok)
		}
	}
}

// FuzzDecode: what Decode returns without an error lies apart, in order, in the file.
func FuzzDecode(f *testing.F) {
	f.Add(footer{groups: [][]entry{{{length: 100, data: 4}, {length: 50, data: 134, dictionary: 104}}}}.encode(f))
	f.Add(footer{groups: [][]entry{{{encrypted: true}, {length: 7, data: 4, path: "x"}}}}.encode(f))
	f.Add([]byte("\x49\xfc\xff\xff\xff\xff\x07"))
	f.Fuzz(func(t *testing.T, b []byte) {
		const most = 100
		decoded, err := parquet.Decode(b, 1<<20, most)
		if err != nil {
			return
		}
		chunks := decoded.Chunks
		if len(chunks) > most {
			t.Fatalf("%d chunks", len(chunks))
		}
		at := int64(4)
		for _, c := range chunks {
			if c.Off < at || c.End <= c.Off || c.End > 1<<20-8 || c.Group < 0 || c.Column < 0 || int(max(c.Group, c.Column)) >= len(chunks) {
				t.Fatalf("%+v after %d", c, at)
			}
			at = c.End
		}
	})
}
