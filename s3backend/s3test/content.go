package s3test

import (
	"crypto/md5"
	"fmt"
	"io"
)

// Content is an object's bytes, which never change. Generated contents take no
// memory. ReadAt may be called concurrently.
type Content interface {
	io.ReaderAt
	Size() int64
}

// Tagged is a Content that names its own ETag, quotes included; that of any
// other is the MD5 of its bytes, as S3's is for an object put in one piece.
type Tagged interface {
	Content
	ETag() string
}

type literal []byte

// Bytes is a Content of literal bytes; b must not be changed afterwards.
func Bytes(b []byte) Content { return literal(b) }

func (b literal) Size() int64 { return int64(len(b)) }

// ReadAt implements io.ReaderAt.
func (b literal) ReadAt(p []byte, off int64) (int, error) {
	n, err := clip(len(p), off, b.Size())
	if n > 0 {
		copy(p, b[off:])
	}
	return n, err
}

// ETag implements Tagged, without the buffers that any Content takes: a bucket of
// a million small objects is filled in seconds.
func (b literal) ETag() string { return fmt.Sprintf("\"%x\"", md5.Sum(b)) }

type concat struct {
	parts []Content
	size  int64
}

// Concat is a Content of all the parts in their order.
func Concat(parts ...Content) Content {
	c := concat{parts: parts}
	for _, p := range parts {
		c.size += p.Size()
	}
	return c
}

func (c concat) Size() int64 { return c.size }

// ETag implements Tagged as S3 does for an object put in parts: the digest of the
// parts' digests, and their number.
func (c concat) ETag() string {
	h := md5.New()
	for _, p := range c.parts {
		io.WriteString(h, etagOf(p))
	}
	return fmt.Sprintf("\"%x-%d\"", h.Sum(nil), len(c.parts))
}

// ReadAt implements io.ReaderAt.
func (c concat) ReadAt(p []byte, off int64) (int, error) {
	want, err := clip(len(p), off, c.size)
	n := 0
	for _, part := range c.parts {
		if n == want {
			break
		}
		if off >= part.Size() {
			off -= part.Size()
			continue
		}
		m := int(min(int64(want-n), part.Size()-off))
		if k, rerr := part.ReadAt(p[n:n+m], off); k < m {
			return n + k, rerr
		}
		n, off = n+m, 0
	}
	return n, err
}

// Section is a Content of the n bytes of c from off.
func Section(c Content, off, n int64) Content { return io.NewSectionReader(c, off, n) }

// etagOf returns the content's ETag, with its quotes.
func etagOf(c Content) string {
	if t, ok := c.(Tagged); ok {
		return t.ETag()
	}
	return md5Tag(c)
}

// md5Tag returns the MD5 of all the content's bytes as an ETag.
func md5Tag(c Content) string {
	h := md5.New()
	if _, err := io.Copy(h, io.NewSectionReader(c, 0, c.Size())); err != nil {
		// Contents are values in memory: failing to read one is a bug of the test.
		panic(fmt.Errorf("s3test: content unreadable: %w", err))
	}
	return fmt.Sprintf("\"%x\"", h.Sum(nil))
}
