package parquet

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/apache/thrift/lib/go/thrift"
)

// TrailerSize is how many bytes the trailer has at the end of a file: the footer's size
// and the magic number.
const TrailerSize = 8

// magic ends a file whose footer can be read; those with an encrypted footer end in PARE.
const magic = "PAR1"

// MaxFooter is the size in bytes up to which a footer is worth reading: some 30,000
// chunks of 130 bytes each.
const MaxFooter = 4 << 20

var (
	errTooMany = errors.New("parquet: more column chunks than are wanted")
	errSparse  = errors.New("parquet: hardly any column chunk says where it lies")
	errPlace   = errors.New("parquet: a column chunk lies outside the file's data, or in another chunk")
)

// FooterSize returns how many bytes before the trailer are the footer. It is false for
// what is no trailer of a Parquet file of size bytes, or of one with a larger footer than MaxFooter.
func FooterSize(trailer []byte, size int64) (int64, bool) {
	if len(trailer) != TrailerSize || string(trailer[4:]) != magic {
		return 0, false
	}
	n := int64(binary.LittleEndian.Uint32(trailer))
	return n, n > 0 && n <= MaxFooter && n <= size-TrailerSize-int64(len(magic))
}

// Footer is what a footer tells of its file.
type Footer struct {
	// Chunks are the column chunks, in the order in which they lie in the file.
	Chunks []Chunk
	// Schema is the same for files of the same columns in the same order.
	Schema Schema
}

// Decode reads the footer of a file of size bytes. More than most column chunks are an
// error, and so are chunks that overlap or lie outside the file's data, or are fewer than
// their columns or row groups (so that who keeps something for each of these keeps no more
// than for the chunks). Chunks in other files are left out, and those whose place is
// encrypted. It keeps nothing of footer.
func Decode(footer []byte, size int64, most int) (Footer, error) {
	conf := &thrift.TConfiguration{MaxMessageSize: MaxFooter}
	buffer := &thrift.TMemoryBuffer{Buffer: bytes.NewBuffer(footer)}
	d := decoder{p: thrift.NewTCompactProtocolConf(buffer, conf), most: most, footer: footer, left: buffer.Len}
	if err := d.file(); err != nil {
		return Footer{}, fmt.Errorf("parquet: footer: %w", err)
	}
	slices.SortFunc(d.chunks, func(a, b Chunk) int { return cmp.Compare(a.Off, b.Off) })
	at, end := int64(len(magic)), size-TrailerSize-int64(len(footer))
	for _, c := range d.chunks {
		if c.Off < at || c.End <= c.Off || c.End > end {
			return Footer{}, errPlace
		}
		if max(c.Group, c.Column) >= int32(len(d.chunks)) {
			return Footer{}, errSparse
		}
		at = c.End
	}
	return Footer{d.chunks, d.schema}, nil
}

// decoder reads one footer. The numbers of fields are those of parquet.thrift, at
// github.com/apache/parquet-format.
type decoder struct {
	p      thrift.TProtocol
	footer []byte
	left   func() int // bytes of it that p has not read
	most   int
	chunks []Chunk
	schema Schema
}

// file reads a FileMetaData.
func (d *decoder) file() error {
	return d.fields(func(id int16, t thrift.TType) (bool, error) {
		switch {
		case id == 2 && t == thrift.LIST:
			begin := len(d.footer) - d.left()
			err := d.p.Skip(context.Background(), t)
			sum := sha256.Sum256(d.footer[begin : len(d.footer)-d.left()])
			d.schema = Schema(sum[:len(d.schema)])
			return true, err
		case id == 4 && t == thrift.LIST:
			return true, d.list(d.group)
		}
		return false, nil
	})
}

// group reads a RowGroup.
func (d *decoder) group(number int32) error {
	return d.fields(func(id int16, t thrift.TType) (bool, error) {
		if id != 1 || t != thrift.LIST {
			return false, nil
		}
		return true, d.list(func(column int32) error { return d.column(number, column) })
	})
}

// column reads a ColumnChunk.
func (d *decoder) column(group, column int32) error {
	elsewhere, found := false, false
	var place Chunk
	err := d.fields(func(id int16, t thrift.TType) (bool, error) {
		switch {
		case id == 1 && t == thrift.STRING:
			name, err := d.p.ReadString(context.Background())
			elsewhere = name != ""
			return true, err
		case id == 3 && t == thrift.STRUCT:
			found = true
			var err error
			place, err = d.place()
			return true, err
		}
		return false, nil
	})
	if err != nil || elsewhere || !found {
		return err
	}
	if len(d.chunks) == d.most {
		return errTooMany
	}
	place.Group, place.Column = group, column
	d.chunks = append(d.chunks, place)
	return nil
}

// place reads where a chunk lies from its ColumnMetaData.
func (d *decoder) place() (Chunk, error) {
	var length, data, dictionary int64
	err := d.fields(func(id int16, t thrift.TType) (bool, error) {
		var to *int64
		switch id {
		case 7:
			to = &length
		case 9:
			to = &data
		case 11:
			to = &dictionary
		}
		if to == nil || t != thrift.I64 {
			return false, nil
		}
		var err error
		*to, err = d.p.ReadI64(context.Background())
		return true, err
	})
	off := data
	if dictionary > 0 && dictionary < data { // some writers give 0 for none
		off = dictionary
	}
	if off < 0 || length < 0 || off+length < off {
		return Chunk{}, errors.Join(err, errPlace)
	}
	return Chunk{Off: off, End: off + length}, err
}

// fields reads a struct: read takes a field or leaves it, to be skipped.
func (d *decoder) fields(read func(id int16, t thrift.TType) (taken bool, err error)) error {
	if _, err := d.p.ReadStructBegin(context.Background()); err != nil {
		return err
	}
	for {
		_, t, id, err := d.p.ReadFieldBegin(context.Background())
		if err != nil {
			return err
		}
		if t == thrift.STOP {
			return d.p.ReadStructEnd(context.Background())
		}
		taken, err := read(id, t)
		if err == nil && !taken {
			err = d.p.Skip(context.Background(), t)
		}
		if err != nil {
			return err
		}
	}
}

// list reads a list of structs, each by read.
func (d *decoder) list(read func(i int32) error) error {
	t, n, err := d.p.ReadListBegin(context.Background())
	if err != nil {
		return err
	}
	if t != thrift.STRUCT && n > 0 {
		return fmt.Errorf("a list of %v where structs belong", t)
	}
	for i := range n {
		if err := read(int32(i)); err != nil {
			return err
		}
	}
	return nil
}
