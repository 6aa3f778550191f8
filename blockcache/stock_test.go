package blockcache_test

import (
	"context"
	"io"
	"testing"
	"testing/synctest"

	"github.com/zs3fs/zs3fs/blockcache"
	"github.com/zs3fs/zs3fs/s3backend"
)

// distant is a source that is a long way off.
type distant struct {
	source
	answer chan struct{}
}

func (d *distant) Open(ctx context.Context, obj s3backend.Object, off, n int64) (io.ReadCloser, error) {
	<-d.answer
	return d.source.Open(ctx, obj, off, n)
}

func TestBuffersAreMadeWhileTheSourceIsAwaited(t *testing.T) {
	for _, tt := range []struct {
		name               string
		limit, held, asked int64 // blocks
		stocked            int
	}{
		{"a long run", 64, 0, 8, 8},
		{"a short one", 64, 0, 3, 0},
		{"less memory than the run", 8, 0, 20, 6}, // a quarter is the reserve
		{"memory in use", 16, 10, 8, 4},           // an eighth is
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, mem := memoryOnly(t, tt.limit)
				near, far := &source{}, &distant{answer: make(chan struct{})}
				v := c.Version(codedObject("a", 64*kib))
				defer v.Close()
				if tt.held > 0 {
					fetch(t, v, near, 40, tt.held, true)
				}
				flight := run(t.Context(), v.Claim(0, tt.asked, true), far)
				synctest.Wait()
				if got := mem.Stocked(); got != tt.stocked {
					t.Errorf("%d buffers were made, want %d", got, tt.stocked)
				}
				if mem.InUse() != tt.held*kib {
					t.Errorf("%d bytes in use before the source has answered", mem.InUse())
				}
				close(far.answer)
				if err := <-flight; err != nil {
					t.Fatal(err)
				}
				if got := mem.InUse() + int64(mem.Stocked())*kib; got > mem.Limit() {
					t.Errorf("%d bytes in buffers, with a limit of %d", got, mem.Limit())
				}
				wantBytes(t, readAsync(t.Context(), v, (tt.asked-1)*kib, kib), (tt.asked-1)*kib, kib)
			})
		})
	}
}

func TestStockIsGivenBackAfterTheLastClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, mem := memoryOnly(t, 64)
		far := &distant{answer: make(chan struct{})}
		v := c.Version(codedObject("a", 64*kib))
		guess := v.Claim(0, 32, false)
		flight := run(t.Context(), guess, far)
		synctest.Wait()
		guess.Cancel()
		close(far.answer)
		if err := <-flight; err == nil {
			t.Fatal("a cancelled guess has come to its end")
		}
		v.Close()
		if n := mem.Stocked(); mem.InUse() != 0 || n > 8 {
			t.Errorf("%d bytes in use and %d buffers are left, of 8 that may stay for the next file", mem.InUse(), n)
		}
	})
}

var _ blockcache.Source = (*distant)(nil)
