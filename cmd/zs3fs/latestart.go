package main

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"sync"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
)

// startAgain is how long the failure of a late start is the answer to all questions,
// before the next one tries again.
const startAgain = time.Second

// lateStart is what a lazy mount has not asked: whether there is such a bucket, and
// what --as-of and --require-prefix want to know. The first question about a name asks
// that first, and none is answered before it is settled.
type lateStart struct {
	check func(context.Context) error
	log   *slog.Logger
	turn  chan struct{} // of who asks; capacity 1

	mu     sync.Mutex // guards the following
	asked  bool
	passed bool
	err    error // of the latest attempt
	failed time.Time
}

func newLateStart(check func(context.Context) error, log *slog.Logger) *lateStart {
	return &lateStart{check: check, log: log, turn: make(chan struct{}, 1)}
}

// await returns when the bucket is known to be all right, or why it is not.
func (l *lateStart) await(ctx context.Context) error {
	if settled, err := l.state(); settled {
		return err
	}
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-l.turn }()
	if settled, err := l.state(); settled {
		return err
	}
	err := l.check(ctx)
	if ctx.Err() != nil {
		return ctx.Err() // which says nothing of the bucket
	}
	l.mu.Lock()
	last := l.err
	l.asked, l.passed, l.err, l.failed = true, err == nil, err, time.Now()
	l.mu.Unlock()
	// That S3 is away the client has told.
	if err != nil && !errors.Is(err, s3backend.ErrUnreachable) && (last == nil || last.Error() != err.Error()) {
		l.log.Error("the bucket cannot be shown", "error", err)
	}
	return err
}

// state returns the answer, if it is settled for the time being.
func (l *lateStart) state() (settled bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.passed || l.err != nil && time.Since(l.failed) < startAgain, l.err
}

// latest returns what the last attempt met, and whether there was one.
func (l *lateStart) latest() (asked bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asked, l.err
}

// lateBucket is a bucket whose questions about names wait for a late start. Bytes do
// not: who asks for some has had the name.
type lateBucket struct {
	s3backend.Bucket
	start *lateStart
}

// latePager is one that is a Pager too, as all that are mounted are.
type latePager interface {
	s3backend.Bucket
	s3backend.Pager
}

// latePeeker is one that is a Peeker too, as a client is.
type latePeeker struct{ *lateBucket }

// The kinds that the catalog makes use of.
var (
	_ s3backend.Pager        = latePeeker{}
	_ s3backend.AfterIgnorer = latePeeker{}
	_ s3backend.Peeker       = latePeeker{}
)

// before returns the bucket, of the same kind, whose questions wait for l.
func (l *lateStart) before(b latePager) s3backend.Bucket {
	late := &lateBucket{b, l}
	if _, ok := b.(s3backend.Peeker); ok {
		return latePeeker{late}
	}
	return late
}

// Head implements s3backend.Bucket.
func (b *lateBucket) Head(ctx context.Context, key string) (s3backend.Object, error) {
	if err := b.start.await(ctx); err != nil {
		return s3backend.Object{}, &s3backend.OpError{Op: "head", Key: key, Err: err}
	}
	return b.Bucket.Head(ctx, key)
}

// List implements s3backend.Bucket.
func (b *lateBucket) List(ctx context.Context, prefix string, limit int) iter.Seq2[s3backend.Entry, error] {
	return func(yield func(s3backend.Entry, error) bool) {
		if err := b.start.await(ctx); err != nil {
			yield(s3backend.Entry{}, &s3backend.OpError{Op: "list", Key: prefix, Err: err})
			return
		}
		b.Bucket.List(ctx, prefix, limit)(yield)
	}
}

// Pages implements s3backend.Pager.
func (b *lateBucket) Pages(ctx context.Context, span s3backend.Span) iter.Seq2[[]s3backend.Entry, error] {
	return func(yield func([]s3backend.Entry, error) bool) {
		if err := b.start.await(ctx); err != nil {
			yield(nil, &s3backend.OpError{Op: "list", Key: span.Prefix, Err: err})
			return
		}
		b.Bucket.(s3backend.Pager).Pages(ctx, span)(yield)
	}
}

// Peek implements s3backend.Peeker.
func (b latePeeker) Peek(ctx context.Context, span s3backend.Span) ([]s3backend.Entry, bool, error) {
	if err := b.start.await(ctx); err != nil {
		return nil, false, &s3backend.OpError{Op: "list", Key: span.Prefix, Err: err}
	}
	return b.Bucket.(s3backend.Peeker).Peek(ctx, span)
}

// IgnoresAfter implements s3backend.AfterIgnorer.
func (b *lateBucket) IgnoresAfter() bool {
	i, ok := b.Bucket.(s3backend.AfterIgnorer)
	return ok && i.IgnoresAfter()
}

// s3Status tells how the latest questions went.
func (c *chain) s3Status(o *Options) s3Status {
	since, err := c.client.Trouble()
	out := s3Status{OfflineOK: o.Tree.OfflineOK}
	if c.late != nil {
		asked, late := c.late.latest()
		out.Unasked = !asked
		if err == nil {
			err = late
		}
	}
	if err != nil {
		out.Trouble = oneLine(err)
	}
	if !since.IsZero() {
		out.AwaySince = &since
	}
	return out
}
