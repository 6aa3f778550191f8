package s3test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"slices"
)

// Truncate sends n bytes of the body under a Content-Length for all of it, and
// closes.
func Truncate(n int64) Action { return breakAt(BreakClose, n) }

// EndEarly sends n bytes of the body in chunks without a length, and ends them as
// if they were all.
func EndEarly(n int64) Action {
	return func(_ Request, r *Reply) {
		r.cut(n)
		r.Length = NoLength
	}
}

// EndEarlyHTTP10 sends n bytes of the body as HTTP/1.0 without a length, where the
// end of the connection is the end of the body.
func EndEarlyHTTP10(n int64) Action {
	return func(_ Request, r *Reply) {
		r.cut(n)
		r.Length, r.Wire.HTTP10 = NoLength, true
	}
}

// cut leaves at most n bytes of the body, and the header as it is.
func (r *Reply) cut(n int64) {
	r.render()
	if r.Body != nil && n < r.Body.Size() {
		r.Body = Section(r.Body, 0, n)
	}
}

// ShiftRange serves, and names in Content-Range, a range that begins d bytes later
// or, d below 0, earlier than the one asked for, and is as long.
func ShiftRange(d int64) Action {
	return ranged(func(r *Reply) {
		total := r.Object.Size()
		n := r.Length
		r.setRange(min(max(r.Off+d, 0), total-n), n, total)
	})
}

// ShortRange serves, and names in Content-Range, only the first n bytes of the
// range.
func ShortRange(n int64) Action {
	return ranged(func(r *Reply) { r.setRange(r.Off, min(n, r.Length), r.Object.Size()) })
}

// WrongTotal names, in Content-Range, a total that is d too large; of the whole
// object it sends d zeros more, under a Content-Length that says so.
func WrongTotal(d int64) Action {
	inRange := ranged(func(r *Reply) { r.setRange(r.Off, r.Length, r.Object.Size()+d) })
	return func(req Request, r *Reply) {
		if req.Op == OpGet && r.Status == http.StatusOK {
			r.setBytes(append(r.bytes(), make([]byte, d)...))
		}
		inRange(req, r)
	}
}

// ranged makes an Action for right answers with a range only.
func ranged(f func(*Reply)) Action {
	return func(_ Request, r *Reply) {
		if r.Status == http.StatusPartialContent {
			r.Header = r.Header.Clone()
			f(r)
		}
	}
}

// NoContentRange answers 206 without saying which range it is.
func NoContentRange() Action { return SetHeader("Content-Range", "") }

// SetContentRange answers with any text as Content-Range.
func SetContentRange(text string) Action { return SetHeader("Content-Range", text) }

// WholeObject answers 200 with the whole object, as if no range had been asked for.
func WholeObject() Action {
	return ranged(func(r *Reply) {
		r.Status, r.Body, r.Length, r.Off = http.StatusOK, r.Object, r.Object.Size(), 0
		r.Header.Del("Content-Range")
	})
}

// OtherETag sends another ETag over the same body.
func OtherETag(etag string) Action { return SetHeader("ETag", etag) }

// IgnoreConditions serves the current version of m whatever If-Match says, as
// some servers do.
func IgnoreConditions(m *Mem) Action {
	return func(req Request, r *Reply) {
		v := m.find(req.Key, "")
		if r.Status != http.StatusPreconditionFailed || v == nil {
			return
		}
		*r = Reply{Status: http.StatusOK, Header: objectHeader(req.Header, v), Object: v.content, Body: v.content,
			Length: v.obj.Size, Wire: r.Wire}
		if off, n := resolveRange(req.Off, req.Last, v.obj.Size); req.Ranged && n > 0 {
			r.setRange(off, n, v.obj.Size)
		}
	}
}

// BodyOf sends the bytes of another content under the right header: a server that
// reads the ETag before it opens the file. c is at least as long as the object.
func BodyOf(c Content) Action {
	return func(_ Request, r *Reply) {
		if r.Status/100 == 2 && r.Body != nil {
			r.Body = Section(c, r.Off, r.Body.Size())
		}
	}
}

// ErrorAsBody keeps status and header and sends S3's error document as the body.
func ErrorAsBody() Action {
	return func(_ Request, r *Reply) {
		e := errorReply(http.StatusInternalServerError, "InternalError", "We encountered an internal error. Please try again.")
		r.setBytes(e.bytes())
	}
}

// Gzip compresses the body unasked, and says so in Content-Encoding.
func Gzip() Action {
	return func(_ Request, r *Reply) {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write(r.bytes()) // a bytes.Buffer takes all
		_ = z.Close()
		r.setBytes(b.Bytes())
		r.Header = r.Header.Clone()
		r.Header.Set("Content-Encoding", "gzip")
	}
}

// FlipBit flips the lowest bit of the byte at off of the body.
func FlipBit(off int64) Action {
	return func(_ Request, r *Reply) {
		if r.render(); r.Body == nil || off >= r.Body.Size() {
			return
		}
		var b [1]byte
		_, _ = r.Body.ReadAt(b[:], off) // within the body
		rest := off + 1
		r.Body = Concat(Section(r.Body, 0, off), Bytes([]byte{b[0] ^ 1}), Section(r.Body, rest, r.Body.Size()-rest))
	}
}

// ExtraBytes sends n bytes more than Content-Length says.
func ExtraBytes(n int) Action {
	return func(_ Request, r *Reply) {
		r.Body = Concat(Bytes(r.bytes()), Bytes(bytes.Repeat([]byte("+"), n)))
		r.Wire.RawBytes = true
	}
}

// BadLength sends any text as Content-Length.
func BadLength(text string) Action { return func(_ Request, r *Reply) { r.Wire.RawLength = text } }

// WrongChecksum sends a CRC64NVME, of whole objects where one was asked for, that
// is not the body's.
func WrongChecksum() Action {
	return func(_ Request, r *Reply) {
		const name = "X-Amz-Checksum-Crc64nvme"
		if sum := []byte(r.Header.Get(name)); len(sum) > 0 {
			slices.Reverse(sum[:11]) // base64 of 8 bytes, without its padding
			SetHeader(name, string(sum))(Request{}, r)
		}
	}
}
