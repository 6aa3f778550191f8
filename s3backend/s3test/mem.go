package s3test

import (
	"context"
	"io"
	"iter"

	"github.com/zs3fs/zs3fs/s3backend"
)

// Content is an object's bytes. Generated contents take no memory.
type Content interface {
	io.ReaderAt
	Size() int64
}

// Bytes is a Content of literal bytes.
func Bytes(b []byte) Content { panic("not built yet") }

// Mem is a bucket in memory and implements s3backend.Bucket; it keeps every
// version ever put, and changes are atomic. Safe for concurrent use.
type Mem struct{}

var _ s3backend.Bucket = (*Mem)(nil)

// NewMem returns an empty bucket.
func NewMem() *Mem { panic("not built yet") }

// Put makes c the current version of key.
func (m *Mem) Put(key string, c Content) s3backend.Object { panic("not built yet") }

// Delete removes key's current version.
func (m *Mem) Delete(key string) { panic("not built yet") }

// Head implements Bucket.
func (m *Mem) Head(ctx context.Context, key string) (s3backend.Object, error) {
	panic("not built yet")
}

// List implements Bucket.
func (m *Mem) List(ctx context.Context, prefix string, limit int) iter.Seq2[s3backend.Entry, error] {
	panic("not built yet")
}

// Open implements Bucket.
func (m *Mem) Open(ctx context.Context, obj s3backend.Object, off, n int64) (io.ReadCloser, error) {
	panic("not built yet")
}
