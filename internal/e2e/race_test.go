package e2e_test

import (
	"path/filepath"
	"sync"
	"testing"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// raceBinary builds zs3fs with the race detector, once.
var raceBinary = sync.OnceValues(func() (string, error) {
	bin := filepath.Join(filepath.Dir(executable), "zs3fs-race")
	return bin, build(bin, "CGO_ENABLED=1", "-race")
})

// TestRaces lets the race detector look at a daemon under overwrites, evictions,
// faults and killed readers. A race shows in its log and in its exit code.
func TestRaces(t *testing.T) {
	bin, err := raceBinary()
	if err != nil {
		t.Fatal(err)
	}
	s := newStand(t)
	s.binary = bin
	f, g := s.put("f", mib), s.put("g", 24*mib+1)
	s.mount("--log-level", "info", "--metadata-ttl", "50ms", "--block-size", "64KiB", "--cache-size", "8MiB", "--memory-limit", "16MiB")
	for i, do := range []s3test.Action{s3test.InternalError(), s3test.Truncate(1000), s3test.ResetBefore()} {
		s.server.Inject(s3test.Fault{Match: s3test.Match{Op: s3test.OpGet, Chance: 0.01, Seed: uint64(i)}, Do: do})
	}
	followers := startFollowers(t, f, 3)
	loop := g.job("loop")
	loop.Count = 20
	killed, kept := loop.start(t), loop.start(t)
	overwriteAtRandom([]epoch{{file: f}}, soak(t, 150), followers)
	killed.kill()
	g.verify(t)
	for _, r := range append(followers, kept) {
		r.stop(t)
	}
}
