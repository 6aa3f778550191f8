package e2e_test

import (
	"math/rand/v2"
	"testing"
	"time"
)

// epoch is one version of a file that is being overwritten: current from some
// moment within [put, done] until some moment within that of the next.
type epoch struct {
	put, done int64
	file      file
}

// TestOverwriteWhileReading overwrites a file 200 times under 8 reader processes
// with several handles each, that check what semantics rule 16 says: a handle
// returns bytes of one version or ESTALE, and an open sees a version that is no
// older than the consistency promised allows.
func TestOverwriteWhileReading(t *testing.T) {
	for _, tt := range []struct {
		name       string
		options    []string
		ttl        time.Duration
		versioning bool
	}{
		{"open", []string{"--consistency", "open", "--block-size", "64KiB"}, 0, false},
		{"ttl", []string{"--metadata-ttl", "50ms", "--block-size", "64KiB"}, 50 * time.Millisecond, false},
		{"default blocks", []string{"--consistency", "open"}, 0, false},
		{"versioned", []string{"--consistency", "open", "--block-size", "64KiB"}, 0, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStand(t)
			s.bucket.SetVersioning(tt.versioning)
			f := s.put("file", mib)
			epochs := []epoch{{file: f}}
			s.mount(append(tt.options, "--log-level", "info")...)
			readers := startFollowers(t, f, 8)
			epochs = overwriteAtRandom(epochs, soak(t, 200), readers)
			stale := 0
			seen := map[uint32]int{}
			for _, r := range readers {
				v := r.stop(t)
				for _, o := range v.Opens {
					stale += o.Stale
					if o.Version != 0 {
						seen[o.Version]++
						checkOpen(t, o, epochs, tt.ttl)
					}
				}
			}
			t.Logf("%d versions of %d were seen, %d reads were ESTALE", len(seen), len(epochs), stale)
			if len(seen) < len(epochs)/10 {
				t.Errorf("the readers saw only %d of %d versions: this test proves nothing", len(seen), len(epochs))
			}
			if tt.versioning && stale > 0 {
				t.Errorf("%d reads were ESTALE though the bucket keeps versions", stale)
			}
			last := epochs[len(epochs)-1].file
			eventually(t, "the last version shows", func() bool {
				v := last.job("sequential").run(t)
				return v.Error == "" && v.SHA256 == last.sha256()
			})
		})
	}
}

// startFollowers starts n processes of mode follow.
func startFollowers(t *testing.T, f file, n int) []*reader {
	var readers []*reader
	for i := range n {
		j := f.job("follow")
		j.Random = uint64(i)
		readers = append(readers, j.start(t))
	}
	return readers
}

// overwriteAtRandom overwrites the file n times, with the same, smaller and larger
// sizes, at random intervals.
func overwriteAtRandom(epochs []epoch, n int, readers []*reader) []epoch {
	r := rand.New(rand.NewPCG(1, 1))
	for range n {
		pause := time.NewTimer(time.Duration(1+r.IntN(30)) * time.Millisecond)
		select {
		case <-pause.C:
		case <-readers[0].ended: // by a fault that its verdict tells
			return epochs
		}
		f, size := epochs[len(epochs)-1].file, int64(0)
		switch size = f.size; r.IntN(3) {
		case 0:
			size = 1 + r.Int64N(3*mib)
		case 1:
			size = 1 + r.Int64N(100*kib)
		}
		e := epoch{put: monotonic()}
		e.file = f.s.overwrite(f, size)
		e.done = monotonic()
		epochs = append(epochs, e)
	}
	return epochs
}

// checkOpen checks that the version seen was current at some moment from ttl
// before the open to its end, and had the size seen.
func checkOpen(t *testing.T, o opened, epochs []epoch, ttl time.Duration) {
	t.Helper()
	if int(o.Version) > len(epochs) {
		t.Errorf("version %d was never put", o.Version)
		return
	}
	e := epochs[o.Version-1]
	if o.Size != e.file.size {
		t.Errorf("version %d has %d bytes, fstat said %d", o.Version, e.file.size, o.Size)
	}
	if e.put > o.End {
		t.Errorf("version %d was seen %v before it was put", o.Version, time.Duration(e.put-o.End))
	}
	if int(o.Version) < len(epochs) {
		if late := time.Duration(o.Start - epochs[o.Version].done); late > ttl {
			t.Errorf("version %d was opened %v after it was replaced, %v are allowed", o.Version, late, ttl)
		}
	}
}
