package s3backend

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// retrieval is one question to a source of credentials, which may go on when nobody
// waits for it any more.
type retrieval struct {
	done  chan struct{} // closed after creds and err are set
	creds aws.Credentials
	err   error
}

// stale reports whether r has ended and is of no use: it failed while nobody waited, or
// its credentials have ended since.
func (r *retrieval) stale() bool {
	select {
	case <-r.done:
		return r.err != nil || r.creds.Expired()
	default:
		return false
	}
}

// ask begins a retrieval; p.mu is held.
func (p *chain) ask(ctx context.Context) *retrieval {
	r := &retrieval{done: make(chan struct{})}
	source := p.first
	p.first = nil
	p.running.Go(func() {
		defer close(r.done)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.timeout)
		defer cancel()
		defer context.AfterFunc(p.life, cancel)()
		if source == nil {
			source, r.err = p.load(ctx)
		}
		if r.err == nil {
			r.creds, r.err = source.Retrieve(ctx)
		}
		if r.err != nil && ctx.Err() != nil {
			r.err = ctx.Err()
		}
	})
	return r
}
