package s3backend

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"
)

const (
	// A body slower than this counts as broken: a block of 1 MiB would take a
	// quarter of an hour. In bytes a second, as goodSpeed.
	minSpeed = 1 << 10
	// Below goodSpeed, so does one that is slowFactor times slower than bodies have
	// lately been: its connection has a bad path. Where all are slow, none is.
	slowFactor = 8
	goodSpeed  = 1 << 20
	// A shorter body says nothing of the speed of a connection: all of it is on its
	// way before the first byte is read.
	measurable = 512 << 10
)

var (
	errStalled error = &failure{sentinel: ErrUnavailable, detail: "the answer stalled"}
	errSlow    error = &failure{sentinel: ErrUnavailable, detail: "the body trickled"}
	errShort   error = &failure{sentinel: ErrUnavailable, detail: "the body ended early"}
)

// answer is one answer's body on one connection, which ends when it stalls,
// trickles or breaks.
type answer struct {
	c      *Client
	body   io.ReadCloser
	header http.Header
	ctx    context.Context         // of the request: its end closes the connection
	stop   context.CancelCauseFunc // ends ctx
	limit  time.Duration           // without a byte, and the window of the speed
	late   time.Duration           // without a byte while somebody waits; 0 for never

	watcher *time.Timer // calls watch; nil before the first read
	mu      sync.Mutex  // guards the two below
	began   time.Time   // the read under way; zero between two
	most    time.Duration

	windowBytes int64
	windowTime  time.Duration
	bytes       int64
	took        time.Duration // by reading them
}

// open sends one request and returns its checked answer, which parent governs.
// ctx ends the wait for it only, and so does patience, from when it is sent on.
func (c *Client) open(ctx, parent context.Context, obj Object, off, end int64, patience time.Duration) (*answer, error) {
	start := time.Now()
	a := &answer{c: c, limit: c.o.StallTimeout, late: c.hedges.delay()}
	a.ctx, a.stop = context.WithCancelCause(parent)
	stall := time.AfterFunc(c.answerTimeout(), func() { a.stop(errStalled) })
	unlink := context.AfterFunc(ctx, func() { a.stop(context.Cause(ctx)) })

	sent := httptrace.WithClientTrace(a.ctx, &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) { stall.Reset(patience) },
	})
	body, header, err := c.get(sent, obj, off, end)
	stall.Stop()
	unlink()
	if err != nil {
		if a.ctx.Err() != nil && !errors.Is(err, errSourceLate) {
			err = context.Cause(a.ctx)
		}
		a.stop(err)
		return nil, err
	}
	a.body, a.header = body, header
	c.hedges.first.add(int64(time.Since(start)))
	return a, nil
}

// read reads once, straight into p, waiting for most at the longest. After an
// error the connection is of no use; n bytes are right all the same.
func (a *answer) read(p []byte, most time.Duration) (n int, took time.Duration, err error) {
	start := a.beginRead(max(min(a.limit, most), time.Millisecond))
	n, err = a.body.Read(p)
	took = time.Since(start)
	a.endRead()
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

func (a *answer) beginRead(most time.Duration) time.Time {
	now, first := time.Now(), most
	if a.late > 0 {
		first = min(most, a.late)
	}
	a.mu.Lock()
	a.began, a.most = now, most
	a.mu.Unlock()
	if a.watcher == nil {
		a.watcher = time.AfterFunc(first, a.watch)
	} else {
		a.watcher.Reset(first)
	}
	return now
}

func (a *answer) endRead() {
	a.watcher.Stop()
	a.mu.Lock()
	a.began = time.Time{}
	a.mu.Unlock()
}

// watch ends the answer when the read under way has waited too long: for the limit,
// or, while somebody waits for its bytes, until it is late. A late body is dropped
// and not raced against its successor: what it might still send is worth less than
// a first byte on a new connection costs, and a buffer has one writer.
func (a *answer) watch() {
	a.mu.Lock()
	began, most := a.began, a.most
	a.mu.Unlock()
	if began.IsZero() {
		return // the timer was late itself
	}
	switch waited := time.Since(began); {
	case waited >= most:
		a.stop(errStalled)
	case a.late == 0:
		a.watcher.Reset(most - waited)
	case waited >= a.late && a.c.mayHedge(a.ctx):
		a.c.hedges.won.Add(1)
		a.stop(errOvertaken)
	case waited >= a.late:
		a.watcher.Reset(min(latePoll, most-waited))
	default:
		a.watcher.Reset(min(a.late, most) - waited)
	}
}

// tooSlow measures the speed over the time spent waiting: a reader that takes
// its time does not make a connection slow.
func (a *answer) tooSlow(n int, took time.Duration) bool {
	a.windowBytes += int64(n)
	a.windowTime += took
	a.bytes, a.took = a.bytes+int64(n), a.took+took
	if a.windowTime < a.limit {
		return false
	}
	least := max(minSpeed, min(goodSpeed, a.c.speeds.median()/slowFactor))
	slow := float64(a.windowBytes) < float64(least)*a.windowTime.Seconds()
	a.windowBytes, a.windowTime = 0, 0
	return slow
}

// measure notes the speed of a body that has ended.
func (a *answer) measure() {
	if a.bytes >= measurable && a.took > 0 {
		a.c.speeds.add(int64(float64(a.bytes) / a.took.Seconds()))
	}
}
