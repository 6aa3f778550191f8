package s3test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// sending is one answer on its way.
type sending struct {
	s     *Server
	ctx   context.Context
	conn  *s3Conn
	entry entry
	reply *Reply
	pacer pacer
	// hijacked: net/http has handed the connection over.
	hijacked bool
}

// send sends the reply to its end, or to its break.
func (s *Server) send(w http.ResponseWriter, r *http.Request, e entry, p *Reply) {
	p.render()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.stopped, cancel)()
	g := &sending{s: s, ctx: ctx, conn: connOf(r.Context()), entry: e, reply: p}
	whole := false
	defer func() {
		e.update(func(req *Request) { req.Done, req.Aborted = true, !whole })
	}()
	if !g.sleep(time.Now().Add(p.Wire.Delay+time.Duration(s.latency.Load()))) || p.Wire.HoldAt < 0 && !g.hold() {
		panic(http.ErrAbortHandler)
	}
	if p.Wire.Break != "" && p.Wire.At == BeforeHeader {
		g.breakOff()
	}
	p.Header.Set("Server", "AmazonS3")
	if p.Header.Get("Date") == "" {
		p.Header.Set("Date", s.now().Format(http.TimeFormat))
	}
	p.Header.Set("X-Amz-Request-Id", requestID)
	p.Header.Set("X-Amz-Id-2", hostID)
	e.update(func(req *Request) { req.Status, req.BodyOff = p.Status, p.Off })
	if p.raw() {
		whole = g.sendRaw(w, r.Method)
		return
	}
	g.sendHeader(w)
	if whole = r.Method == http.MethodHead || g.sendBody(w); !whole {
		panic(http.ErrAbortHandler)
	}
}

// raw says that net/http would not send such an answer.
func (r *Reply) raw() bool {
	return r.Wire.HTTP10 || r.Wire.RawBytes || r.Wire.RawLength != "" || r.Wire.Break != "" && r.Wire.At == InHeader
}

func (g *sending) sendHeader(w http.ResponseWriter) {
	p := g.reply
	for name, values := range p.Header {
		w.Header()[name] = values
	}
	if p.Wire.Close {
		w.Header().Set("Connection", "close")
	}
	bodiless := p.Status == http.StatusNotModified || p.Status == http.StatusNoContent
	if p.Length != NoLength && !bodiless {
		w.Header().Set("Content-Length", strconv.FormatInt(p.Length, 10))
	}
	w.WriteHeader(p.Status)
	// The first byte must not wait for the first chunk, nor may net/http work out
	// a length by itself.
	if p.Length == NoLength || g.rate() > 0 {
		g.flush(w)
	}
}

// flush fails only where the connection does, which the next write tells.
func (g *sending) flush(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() }

// flushBody pushes out what net/http keeps back.
func (g *sending) flushBody(w io.Writer) {
	if rw, ok := w.(http.ResponseWriter); ok {
		g.flush(rw)
	}
}

// hold waits for the reply's release, and says that the answer may go on.
func (g *sending) hold() bool {
	if g.reply.Wire.Hold == nil {
		return true
	}
	select {
	case <-g.reply.Wire.Hold:
		return true
	case <-g.ctx.Done():
		return false
	}
}

// sendBody sends the body, as far as its break, and says that it went out whole.
func (g *sending) sendBody(w io.Writer) bool {
	p := g.reply
	end := int64(0)
	if p.Body != nil {
		end = p.Body.Size()
	}
	broken := p.Wire.Break != "" && p.Wire.At <= end
	if broken {
		end = min(end, max(p.Wire.At, 0))
	}
	src := g.source(w)
	if src != nil {
		defer src.Close()
	}
	buf := g.s.buffers.Get().(*[chunkSize]byte)
	defer g.s.buffers.Put(buf)
	for off := int64(0); off < end; {
		stop := end
		if held := p.Wire.HoldAt; p.Wire.Hold != nil && off <= held && held < end {
			if off == held {
				g.flushBody(w)
				if !g.hold() {
					return false
				}
			} else {
				stop = held
			}
		}
		n, due := g.pacer.next(time.Now(), g.rate(), stop-off)
		if src != nil {
			if !g.sleep(due) || !g.sendFile(w, src, n) {
				return false
			}
		} else if k, _ := p.Body.ReadAt(buf[:n], off); int64(k) < n || !g.sleep(due) || !g.write(w, buf[:n]) {
			return false
		}
		off += n
	}
	if broken {
		g.flushBody(w)
		g.breakOff()
	}
	return p.Length == NoLength || p.Length <= end
}

// write counts before it writes, so that what a client has read is in the log.
func (g *sending) write(w io.Writer, p []byte) bool {
	g.entry.update(func(r *Request) { r.Sent += int64(len(p)) })
	n, err := w.Write(p)
	if lost := int64(len(p) - n); lost > 0 {
		g.entry.update(func(r *Request) { r.Sent -= lost })
	}
	return err == nil
}

// sendRaw writes the whole answer by hand and lets the connection be closed.
func (g *sending) sendRaw(w http.ResponseWriter, method string) bool {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return false
	}
	defer conn.Close()
	g.hijacked = true
	p := g.reply
	proto := "HTTP/1.1"
	if p.Wire.HTTP10 {
		proto = "HTTP/1.0"
	}
	b := bufio.NewWriter(conn)
	fmt.Fprintf(b, "%s %d %s\r\n", proto, p.Status, http.StatusText(p.Status))
	if p.Wire.Break != "" && p.Wire.At == InHeader {
		fmt.Fprint(b, "Content-Le")
		_ = b.Flush() // a client that has gone shows in breakOff
		g.breakOff()
	}
	_ = p.Header.Write(b) // the flush tells
	switch {
	case p.Wire.RawLength != "":
		fmt.Fprintf(b, "Content-Length: %s\r\n", p.Wire.RawLength)
	case p.Length != NoLength:
		fmt.Fprintf(b, "Content-Length: %d\r\n", p.Length)
	}
	fmt.Fprint(b, "Connection: close\r\n\r\n")
	if b.Flush() != nil {
		return false
	}
	return method == http.MethodHead || g.sendBody(conn)
}

// breakOff ends the answer as the reply says, and does not return.
func (g *sending) breakOff() {
	g.entry.update(func(r *Request) { r.Aborted = true })
	switch g.reply.Wire.Break {
	case BreakReset:
		g.conn.reset()
	case BreakStall:
		if g.hijacked { // net/http no longer watches the connection
			_, _ = io.Copy(io.Discard, g.conn)
		} else {
			<-g.ctx.Done()
		}
	}
	g.conn.Close()
	panic(http.ErrAbortHandler)
}

// rate is that of this answer now.
func (g *sending) rate() int64 {
	if r := g.reply.Wire.Rate; r > 0 {
		return r
	}
	return g.s.rate.Load()
}

// sleep waits until due, and says that the answer may go on.
func (g *sending) sleep(due time.Time) bool {
	d := time.Until(due)
	if d <= 0 {
		return g.ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-g.ctx.Done():
		return false
	}
}
