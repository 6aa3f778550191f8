package s3test

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
)

// file is a Content that lies in a file.
type file struct {
	*os.File
	size int64
}

// File is the Content of the file at path, which must not change as long as a
// server has it. A server without TLS lets the kernel send it (sendfile), so that
// a benchmark pays for the client and not for the server. Close it after the server.
func File(path string) (interface {
	Tagged
	io.Closer
}, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	return &file{f, st.Size()}, nil
}

func (f *file) Size() int64 { return f.size }

// ETag implements Tagged: opaque as of an upload in parts, since an MD5 takes 2 s a GB.
func (f *file) ETag() string {
	sum := md5.Sum(fmt.Appendf(nil, "%s %d", f.Name(), f.size))
	return `"` + hex.EncodeToString(sum[:]) + `-1"`
}

// at opens the file anew, for an offset of its own, which sendfile moves.
func (f *file) at(off int64) (*os.File, error) {
	g, err := os.Open(f.Name())
	if err != nil {
		return nil, err
	}
	if _, err := g.Seek(off, io.SeekStart); err != nil {
		g.Close()
		return nil, err
	}
	return g, nil
}

// fileUnder returns the file of which c is a part, and where in it c begins; nil if
// c is anything else.
func fileUnder(c io.ReaderAt) (f *file, off int64) {
	for {
		switch part := c.(type) {
		case *file:
			return part, off
		case *io.SectionReader:
			var base int64
			c, base, _ = part.Outer()
			off += base
		default:
			return nil, 0
		}
	}
}

// source returns what the kernel can send by itself to w, nil if it cannot: only
// net/http's own writer hands a file down to the socket, and none through TLS.
func (g *sending) source(w io.Writer) *os.File {
	if _, ok := w.(http.ResponseWriter); !ok || g.s.cfg.TLS != nil || g.reply.Body == nil {
		return nil
	}
	f, off := fileUnder(g.reply.Body)
	if f == nil {
		return nil
	}
	src, err := f.at(off)
	if err != nil {
		return nil // then the body is read, which tells
	}
	return src
}

// sendFile sends the next n bytes of src, counting as write does.
func (g *sending) sendFile(w io.Writer, src *os.File, n int64) bool {
	g.entry.update(func(r *Request) { r.Sent += n })
	sent, err := io.CopyN(w, src, n)
	if lost := n - sent; lost > 0 {
		g.entry.update(func(r *Request) { r.Sent -= lost })
	}
	return err == nil
}
