package s3backend

import (
	"context"
	"io"
	"net/http"
	"time"
)

const (
	// A body slower than this counts as broken: a block of 1 MiB would take a
	// quarter of an hour.
	minSpeed = 1 << 10 // bytes a second
)

var (
	errStalled error = &failure{sentinel: ErrUnavailable, detail: "the answer stalled"}
	errSlow    error = &failure{sentinel: ErrUnavailable, detail: "the body trickled"}
	errShort   error = &failure{sentinel: ErrUnavailable, detail: "the body ended early"}
)

// answer is one answer's body on one connection, which ends when it stalls,
// trickles or breaks.
type answer struct {
	body   io.ReadCloser
	header http.Header
	ctx    context.Context         // of the request: its end closes the connection
	stop   context.CancelCauseFunc // ends ctx
	stall  *time.Timer             // calls stop(errStalled)
	limit  time.Duration           // without a byte, and the window of the speed

	windowBytes int64
	windowTime  time.Duration
}

// open sends one request and returns its checked answer, which parent governs.
// ctx ends the wait for it only.
func (c *Client) open(ctx, parent context.Context, obj Object, off, end int64) (*answer, error) {
	a := &answer{limit: c.o.StallTimeout}
	a.ctx, a.stop = context.WithCancelCause(parent)
	a.stall = time.AfterFunc(c.answerTimeout(), func() { a.stop(errStalled) })
	unlink := context.AfterFunc(ctx, func() { a.stop(context.Cause(ctx)) })

	body, header, err := c.get(a.ctx, obj, off, end)
	a.stall.Stop()
	unlink()
	if err != nil {
		if a.ctx.Err() != nil {
			err = context.Cause(a.ctx)
		}
		a.stop(err)
		return nil, err
	}
	a.body, a.header = body, header
	return a, nil
}

// read reads once, straight into p, waiting for most at the longest. After an
// error the connection is of no use; n bytes are right all the same.
func (a *answer) read(p []byte, most time.Duration) (n int, took time.Duration, err error) {
	a.stall.Reset(max(min(a.limit, most), time.Millisecond))
	start := time.Now()
	n, err = a.body.Read(p)
	took = time.Since(start)
	a.stall.Stop()
	switch {
	case err == io.EOF:
		err = errShort // but for the last read, whose error is not looked at
	case err != nil && a.ctx.Err() != nil:
		err = context.Cause(a.ctx)
	case err != nil:
		err = &failure{sentinel: ErrUnavailable, detail: err.Error()}
	case a.tooSlow(n, took):
		err = errSlow
	}
	return n, took, err
}

// tooSlow measures the speed over the time spent waiting: a reader that takes
// its time does not make a connection slow.
func (a *answer) tooSlow(n int, took time.Duration) bool {
	a.windowBytes += int64(n)
	a.windowTime += took
	if a.windowTime < a.limit {
		return false
	}
	slow := float64(a.windowBytes) < minSpeed*a.windowTime.Seconds()
	a.windowBytes, a.windowTime = 0, 0
	return slow
}
