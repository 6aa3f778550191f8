package fusefs_test

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// An object that is overwritten all the time can be opened all the same, and what
// is opened is never older than the open.
func TestOpenWhileOverwritten(t *testing.T) {
	m := mount(t, setting{TTL: -1, NegativeTTL: -1, RevalidateOnOpen: true})
	const size, versions = 100, 400
	m.coded("f", 1, 1, size)
	done := make(chan struct{})
	defer func() { <-done }()
	current := make(chan uint32, versions) // versions that are put
	go func() {
		defer close(done)
		defer close(current)
		for v := uint32(2); v < versions; v++ {
			m.coded("f", 1, v, size)
			current <- v
		}
	}()
	least := uint32(1)
	for more := true; more; {
		for drained := false; more && !drained; {
			select {
			case v, ok := <-current:
				if more = ok; ok {
					least = v
				}
			default:
				drained = true
			}
		}
		f, err := os.OpenFile(m.path("f"), os.O_RDONLY|unix.O_DIRECT, 0)
		if err != nil {
			t.Fatalf("after version %d was put: %v", least, err)
		}
		data := make([]byte, size)
		_, err = f.ReadAt(data, 0)
		f.Close()
		if err != nil {
			continue // replaced between open and read
		}
		seen := least
		for seen <= versions && s3test.CheckCoded(data, 0, 1, seen) != nil {
			seen++
		}
		if seen > versions {
			t.Fatalf("neither version %d nor a later one: %v", least, s3test.CheckCoded(data, 0, 1, least))
		}
	}
}
