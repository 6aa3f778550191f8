package s3backend

import (
	"context"
	"errors"
)

// Probe asks whether the bucket can be listed below prefix, and returns
// ErrNoBucket, ErrRegion, ErrCredentials, ErrUnavailable or fs.ErrPermission in
// an OpError. empty says that nothing lies below prefix.
//
// It goes on trying for as long as ctx allows, RequestTimeout at most; when ctx's
// deadline comes first, the error is what went wrong last and not the deadline.
func (c *Client) Probe(ctx context.Context, prefix string) (empty bool, err error) {
	if errors.Is(ctx.Err(), context.Canceled) {
		return false, opError("list", prefix, ctx.Err())
	}
	probe, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	// The series tells its own end from the caller's by the cause.
	defer context.AfterFunc(ctx, func() {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			cancel(errTimeUp)
		} else {
			cancel(ctx.Err())
		}
	})()
	empty = true
	for _, err := range c.List(probe, prefix, 1) {
		if err != nil {
			return false, err
		}
		empty = false
	}
	return empty, nil
}
