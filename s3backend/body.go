package s3backend

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"time"
)

// progress is what makes a body healthy again: attempts and waiting time start
// anew. Single bytes do not, or a server that sends one and breaks off would be
// asked for ever.
const progress = 64 << 10

// body is the checked bytes of one range of one version, over as many
// connections as it takes. One goroutine reads; Close may come from any.
type body struct {
	c   *Client
	obj Object // with the ETag and the version id of the first answer when the caller knew none

	begin, pos, end int64 // pos is the offset of the next byte

	caller context.Context         // as given to Open
	ctx    context.Context         // its child, ended by Close too
	cancel context.CancelCauseFunc // ends ctx

	sum    Checksum // what the first answer said; Open's until it returns
	hasSum bool
	// version is the id that the first answer named; Open's until it returns.
	version string

	answer *answer // or nil: connect before the next byte
	leave  int64   // bytes that the limit of the bandwidth lets through
	err    error   // final, returned by every later Read

	// Since the last progress:
	series series
	bytes  int64
	waited time.Duration
}

func newBody(ctx context.Context, c *Client, obj Object, off, n int64) *body {
	b := &body{c: c, obj: obj, begin: off, pos: off, end: off + n, caller: ctx}
	b.ctx, b.cancel = context.WithCancelCause(ctx)
	b.series = series{c: c, op: "open", key: obj.Key}
	return b
}

// learn takes the version id and the checksum from the first answer. One with a
// range has no checksum, or, of some servers, the wrong one.
func (b *body) learn() {
	h := b.answer.header
	b.version = h.Get(versionHeader)
	if whole(b.obj, b.pos, b.end) && h.Get("Content-Range") == "" {
		b.sum = b.c.checksumOf(h)
		b.hasSum = true // and if it is none, a HEAD would say no more
	}
}

// Checksum implements ChecksummedBody.
func (b *body) Checksum() (Checksum, bool) { return b.sum, b.hasSum }

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	switch {
	case b.err != nil:
		return 0, b.err
	case b.ctx.Err() != nil && b.pos < b.end:
		return 0, b.fail(b.ctx.Err())
	case b.pos == b.end:
		return 0, io.EOF
	case len(p) == 0:
		return 0, nil
	}
	for {
		if err := b.takeLeave(); err != nil {
			return 0, b.fail(err)
		}
		p = p[:min(int64(len(p)), b.leave)]
		if b.answer == nil {
			if err := b.connect(); err != nil {
				return 0, b.fail(err)
			}
		}
		if n := b.receive(p); n > 0 {
			return n, nil
		}
	}
}

// receive reads once. When the connection is of no more use, b.answer is nil
// afterwards.
func (b *body) receive(p []byte) int {
	n, took, err := b.answer.read(p, b.c.o.RequestTimeout-b.waited)
	b.pos += int64(n)
	b.leave -= int64(n)
	b.bytes += int64(n)
	b.waited += took
	if b.bytes >= progress {
		b.bytes, b.waited = 0, 0
		b.series = series{c: b.c, op: "open", key: b.obj.Key}
	}
	switch {
	case b.pos == b.end:
		b.answer.measure()
		b.answer.stop(nil)
		b.answer = nil
		b.cancel(nil)
	case err != nil:
		b.answer.stop(err)
		b.answer = nil
		if b.ctx.Err() == nil {
			b.c.counts.resumed.Add(1)
		}
		if err != errOvertaken { // that is no failure: it was only late
			b.series.broke(b.ctx, b.pos, err)
		}
	}
	return n
}

// takeLeave waits until more bytes may be received, if none may. It comes before the
// request too, so that no connection waits for it with its buffer full.
func (b *body) takeLeave() error {
	if b.leave > 0 {
		return nil
	}
	n, limit := b.end-b.pos, b.c.bandwidth
	if limit != nil {
		n = min(n, limit.piece)
	}
	if err := limit.wait(b.ctx, n); err != nil {
		return err
	}
	b.leave = n
	return nil
}

// connect asks for the bytes from b.pos on, with the attempts and the time that
// are left since the last progress.
func (b *body) connect() error {
	start := time.Now()
	defer func() { b.waited += time.Since(start) }()
	ctx, cancel := context.WithTimeoutCause(b.ctx, b.c.o.RequestTimeout-b.waited, errTimeUp)
	defer cancel()
	if b.pos > b.begin && b.obj.ETag == "" {
		// Nothing says that the rest would be of the same version. No failure is noted
		// of a body that its reader has ended.
		return cmp.Or(b.ctx.Err(), b.series.last)
	}
	if err := b.series.pause(ctx); err != nil {
		return err
	}
	return b.c.orFormer(ctx, &b.obj, func() error {
		if errors.Is(b.series.last, ErrChanged) {
			b.series.last = nil // of the key; when the time ends now, that says nothing of the id
		}
		return b.series.run(ctx, b.request)
	})
}

// request makes one attempt at it.
func (b *body) request(ctx context.Context) error {
	a, err := b.c.ask(ctx, b.ctx, b.obj, b.pos, b.end, b.c.patience(b.series.attempts))
	if err != nil {
		return err
	}
	if b.obj.ETag == "" && a.header.Get("ETag") == "" {
		a.late = 0 // it could not be gone on with
	}
	b.answer = a
	if b.obj.ETag == "" {
		b.obj.ETag = a.header.Get("ETag")
	}
	if b.obj.VersionID == "" {
		b.obj.VersionID = a.header.Get(versionHeader)
	}
	return nil
}

// fail makes err final. An end of the context is the caller's error, or that of
// a read after Close.
func (b *body) fail(err error) error {
	if b.ctx.Err() != nil {
		if err = b.caller.Err(); err == nil {
			err = fs.ErrClosed
		}
	}
	b.err = opError("read", b.obj.Key, err)
	b.cancel(nil)
	return b.err
}

// Close implements io.Closer. It ends a Read that waits.
func (b *body) Close() error {
	b.cancel(fs.ErrClosed)
	return nil
}
