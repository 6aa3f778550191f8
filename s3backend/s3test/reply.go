package s3test

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Reply is an answer about to be sent: the right one, until an Action changes it.
type Reply struct {
	Status int
	// Header without Content-Length. Date, Server and request ids are added.
	Header http.Header
	// Body is sent whole, in large writes; nil is none.
	Body Content
	// Length is the Content-Length; NoLength sends none (chunked).
	Length int64
	// Listing, if not nil, becomes the Body when the reply is sent or edited as
	// bytes.
	Listing *Listing
	// Object is the whole object of which Body is a part, from Off on.
	Object Content
	Off    int64
	// Wire is how the answer travels.
	Wire Wire
}

// NoLength is the Length of a body whose end only its framing shows.
const NoLength = -1

// Wire is how an answer travels. The zero value is: as it should.
type Wire struct {
	Delay time.Duration // before the header, beside the server's latency
	// Hold, if not nil, keeps the answer back at HoldAt bytes of the body, or
	// before the header if HoldAt is negative, until it is closed.
	Hold     <-chan struct{}
	HoldAt   int64
	Rate     int64 // bytes/s instead of the server's, if not 0
	HTTP10   bool  // answer as HTTP/1.0 and close; without a Length if that is NoLength
	Close    bool  // Connection: close
	RawBytes bool  // send Length and Body as they are, though they contradict, and close
	// RawLength replaces the digits of Content-Length; implies RawBytes.
	RawLength string
	// Break, if not empty, is what happens after At bytes of the body. Negative
	// values of At are BeforeHeader and InHeader.
	Break Break
	At    int64
}

// Break is an end of an answer.
type Break string

// The ends of an answer.
const (
	BreakReset Break = "RST"
	BreakClose Break = "FIN"
	BreakStall Break = "stall" // until the client gives up or the server closes
)

// Places for Wire.At before the body.
const (
	BeforeHeader = -2
	InHeader     = -1
)

// bytesReply is an answer of literal bytes.
func bytesReply(status int, contentType string, body []byte) *Reply {
	r := &Reply{Status: status, Header: http.Header{}, Body: Bytes(body), Length: int64(len(body))}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return r
}

// errorReply is an error as S3 sends it.
func errorReply(status int, code, message string, more ...string) *Reply {
	var b strings.Builder
	b.WriteString(xmlHeader + "<Error>")
	element(&b, "Code", code)
	element(&b, "Message", message)
	for i := 0; i+1 < len(more); i += 2 {
		element(&b, more[i], more[i+1])
	}
	element(&b, "RequestId", requestID)
	element(&b, "HostId", hostID)
	b.WriteString("</Error>")
	return bytesReply(status, "application/xml", []byte(b.String()))
}

// Ids are the same in every answer: nothing here looks requests up by them.
const (
	requestID = "S3TEST0000000001"
	hostID    = "s3test-host-id"
	xmlHeader = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"
)

// element writes <name>text</name>.
func element(b *strings.Builder, name, text string) {
	// Not by Fprintf: a page has 5,000 of them.
	b.WriteByte('<')
	b.WriteString(name)
	b.WriteByte('>')
	escapeXML(b, text)
	b.WriteString("</")
	b.WriteString(name)
	b.WriteByte('>')
}

// escapeXML escapes as S3 does: control characters become references, which XML
// 1.0 does not allow, so that a parser refuses the document.
func escapeXML(b *strings.Builder, text string) {
	for i := range len(text) {
		switch c := text[i]; {
		case c == '&':
			b.WriteString("&amp;")
		case c == '<':
			b.WriteString("&lt;")
		case c == '>':
			b.WriteString("&gt;")
		case c == '"':
			b.WriteString("&quot;")
		case c < ' ':
			fmt.Fprintf(b, "&#x%x;", c)
		default:
			b.WriteByte(c)
		}
	}
}

// bytes returns the body's bytes, the listing's XML included.
func (r *Reply) bytes() []byte {
	r.render()
	if r.Body == nil {
		return nil
	}
	p := make([]byte, r.Body.Size())
	if n, _ := r.Body.ReadAt(p, 0); n < len(p) {
		panic("s3test: content unreadable")
	}
	return p
}

// setBytes replaces the body and its length.
func (r *Reply) setBytes(p []byte) {
	r.Listing = nil
	r.Body, r.Length = Bytes(p), int64(len(p))
}

// render turns the listing into the body.
func (r *Reply) render() {
	if r.Listing != nil {
		r.setBytes(r.Listing.xml())
	}
}
