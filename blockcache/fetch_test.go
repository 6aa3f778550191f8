package blockcache_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// What is fetched for one read alone is right, counted and not kept.
func TestFetchKeepsNothing(t *testing.T) {
	c, mem := memoryOnly(t, 16)
	v := c.Version(codedObject("a", 8*kib+kib/2))
	defer v.Close()
	src := &source{}
	dst := make([]byte, 2*kib)
	if err := v.Fetch(context.Background(), src, dst, kib/2); err != nil {
		t.Fatal(err)
	}
	if err := s3test.CheckCoded(dst, kib/2, seed, 1); err != nil {
		t.Error(err)
	}
	if n := src.requests.Load(); n != 1 || c.Fetched() != 2*kib || mem.InUse() != 0 {
		t.Errorf("%d requests, %d bytes counted, %d kept", n, c.Fetched(), mem.InUse())
	}
	if at, n := v.Missing(0, 9); at != 0 || n != 9 {
		t.Errorf("%d blocks are missing from %d on", n, at)
	}
}

func TestFetchFails(t *testing.T) {
	c, _ := memoryOnly(t, 16)
	v := c.Version(codedObject("a", 8*kib+kib/2))
	defer v.Close()
	dst := make([]byte, kib)
	for _, off := range []int64{-1, 7*kib + kib/2 + 1} {
		if err := v.Fetch(context.Background(), &source{}, dst, off); err == nil {
			t.Errorf("at %d: no error", off)
		}
	}
	short := func(n int64) func(context.Context, io.Reader) io.Reader {
		return func(_ context.Context, r io.Reader) io.Reader { return io.LimitReader(r, n) }
	}
	for _, n := range []int64{0, 1, kib - 1} {
		if err := v.Fetch(context.Background(), &source{body: short(n)}, dst, 0); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("a body of %d bytes: %v", n, err)
		}
	}
}
