package blockcache

import (
	"context"
	"io"

	"github.com/zs3fs/zs3fs/s3backend"
)

// Source is where missing bytes come from; s3backend.Bucket satisfies it, and
// its contract for Open holds.
type Source interface {
	Open(ctx context.Context, obj s3backend.Object, off, n int64) (io.ReadCloser, error)
}
