package s3test_test

import (
	"maps"
	"testing"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

func TestLog(t *testing.T) {
	f := serve(t, s3test.ServerConfig{})
	const size = 2500
	obj := f.mem.Put("k", s3test.Coded(1, 1, size))
	f.must(t, "HEAD", "/k")
	f.must(t, "GET", "/k", "Range", "bytes=0-1023", "If-Match", obj.ETag)
	f.must(t, "GET", "/k", "Range", "bytes=1024-")
	f.must(t, "GET", "/none")
	if f.Count(s3test.OpGet) != 3 || f.Count(s3test.OpHead) != 1 || f.Count() != 4 || f.Mutating() != 0 {
		t.Errorf("counts: %d GET, %d HEAD, %d all", f.Count(s3test.OpGet), f.Count(s3test.OpHead), f.Count())
	}
	if n := f.BytesSent(); n != size {
		t.Errorf("%d bytes sent, want %d", n, size)
	}
	r := f.Requests(func(r s3test.Request) bool { return r.Op == s3test.OpGet })[0]
	if r.Seq != 2 || r.Conn != 1 || r.Key != "k" || !r.Ranged || r.Off != 0 || r.Last != 1023 || r.IfMatch != obj.ETag || r.Status != 206 || r.Sent != 1024 || r.Aborted {
		t.Errorf("%+v", r)
	}
	if got, want := f.BlockFetches("k", 1024, size), map[int64]int{0: 1, 1024: 1, 2048: 1}; !maps.Equal(got, want) {
		t.Errorf("blocks %v, want %v", got, want)
	}
	// A block that breaks off is sent once if it is resumed, and twice if begun again.
	f.Reset()
	f.Inject(s3test.Fault{Match: s3test.Match{Times: 1}, Do: s3test.Truncate(1500)})
	if g, err := f.do(t, "GET", "/k"); err != nil || len(g.body) != 1500 || g.err == nil {
		t.Fatalf("%v, %d bytes, %v", err, len(g.body), g.err)
	}
	f.must(t, "GET", "/k", "Range", "bytes=1500-2047")
	f.must(t, "GET", "/k", "Range", "bytes=2048-")
	f.must(t, "GET", "/k", "Range", "bytes=2048-")
	if got, want := f.BlockFetches("k", 1024, size), map[int64]int{0: 1, 1024: 1, 2048: 2}; !maps.Equal(got, want) {
		t.Errorf("blocks %v, want %v", got, want)
	}
}
