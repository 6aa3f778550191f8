package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/zs3fs/zs3fs/blockcache"
)

// TestKillAtRandomMoments kills the daemon under a mixed load, again and again on
// one cache directory. No reader ever sees a wrong byte, each next daemon starts
// and reads right, and in the end the accounting is what is on disk.
func TestKillAtRandomMoments(t *testing.T) {
	const budget = 96 * mib
	s := newStand(t)
	var files []file
	for i := range 6 {
		files = append(files, s.put(fmt.Sprintf("f%d", i), int64(8+9*i)*mib+int64(i)))
	}
	r := rand.New(rand.NewPCG(1, 1))
	for round := range soak(t, 20) {
		// The keeper of the last daemon and this one both clear its dead mount away.
		d := s.mount("--log-level", "info", "--cache-size", fmt.Sprintf("%dB", budget), "--unmount-timeout", "1s")
		i := r.IntN(len(files))
		files[i] = s.overwrite(files[i], files[i].size) // so that something is cold
		// The names that the last daemon has left are fresh still.
		if code, out := s.zs3fs("refresh", s.mnt); code != 0 {
			t.Fatal(out)
		}
		readers := s.load(t, append(files, files[i]), r)
		eventually(t, "something is fetched", func() bool { return s.server.BytesSent() > 0 })
		within := 400 * time.Millisecond
		if round%2 == 1 {
			// A small object becomes complete just now: it is being proved and sealed.
			s.put(fmt.Sprint("small", round), int64(1+r.IntN(3*mib))).verify(t)
			within = 20 * time.Millisecond
		}
		moment := time.NewTimer(time.Duration(r.Int64N(int64(within))))
		<-moment.C
		d.kill()
		for _, reader := range readers {
			reader.stdin.Close()
			v, err := reader.wait()
			if err != nil {
				t.Error(err)
			}
			// ENOTCONN and its like are what a dead mount gives; a wrong byte has no errno.
			if v.Error != "" && v.Errno == 0 {
				t.Errorf("round %d: %s", round, v.Error)
			}
		}
		on := walkCache(t, s.cache, false)
		t.Logf("round %d: %d versions, %d MiB on disk, %d MiB fetched", round, on.versions, on.bytes/mib, s.server.BytesSent()/mib)
		if on.bytes > budget {
			t.Errorf("round %d: %d bytes on disk, the budget is %d", round, on.bytes, budget)
		}
		s.server.Reset()
		if t.Failed() {
			return
		}
	}
	s.verifyAccounting(t, files, budget)
}

// load starts readers of different kinds, one of the last file and others, which
// do not end by themselves.
func (s *stand) load(t *testing.T, files []file, r *rand.Rand) []*reader {
	var readers []*reader
	for i := range 4 {
		j := files[len(files)-1].job("loop")
		if i > 0 {
			j = files[r.IntN(len(files))].job("loop")
		}
		j.Random, j.Count, j.Threads = r.Uint64(), 20, 4
		readers = append(readers, j.start(t))
	}
	return readers
}

// verifyAccounting reads all files, and compares what a cache opened on the
// directory says is there with what is there.
func (s *stand) verifyAccounting(t *testing.T, files []file, budget int64) {
	t.Helper()
	d := s.mount("--log-level", "info", "--cache-size", fmt.Sprintf("%dB", budget))
	// What was overwritten since is within its time to live under the names on disk.
	if code, out := s.zs3fs("refresh", s.mnt); code != 0 {
		t.Fatal(out)
	}
	for _, f := range files {
		f.verify(t)
	}
	if code := d.unmount(); code != 0 {
		t.Errorf("unmount: exit code %d", code)
	}
	cache, err := blockcache.Open(blockcache.Config{
		Dir: s.cache, Namespace: blockcache.Namespace{Endpoint: s.server.URL(), Bucket: s.server.Bucket()},
		BlockSize: blockSize, Budget: budget, WriteQueue: mib, Memory: blockcache.NewMemory(16*mib, blockSize),
	})
	if err != nil {
		t.Fatal(err)
	}
	if homes := list(t, s.cache); len(homes) != 1 {
		t.Fatalf("the test's cache is not the daemon's: %q", homes)
	}
	// Only the sweep in the background knows what is there.
	want := walkCache(t, s.cache, false)
	eventually(t, "the accounting is what is on disk", func() bool { return cache.Stats().DiskBytes == want.bytes })
	if err := cache.Close(); err != nil {
		t.Error(err)
	}
	if got := walkCache(t, s.cache, true); got != want || got.bytes == 0 || got.bytes > budget {
		t.Errorf("on disk: %+v, was %+v, budget %d", got, want, budget)
	}
}
