package s3backend_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// scripted is a client of s3test's server, patient enough for many faults.
func scripted(t *testing.T, m *s3test.Mem, change ...func(*s3backend.Options)) (*s3test.Server, *s3backend.Client) {
	t.Helper()
	s, err := s3test.NewServer(m, s3test.ServerConfig{PageSize: 40})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	o := s3backend.Options{
		Bucket: s.Bucket(), EndpointURL: s.URL(), Region: "us-east-1",
		ConnectTimeout: time.Second, HeaderTimeout: 500 * time.Millisecond, StallTimeout: 200 * time.Millisecond,
		RequestTimeout: 20 * time.Second, Retries: 8,
	}
	for _, fn := range change {
		fn(&o)
	}
	return s, newClient(t, o)
}

// inject makes each action happen to some of the requests of op.
func inject(s *s3test.Server, op s3test.Op, chance float64, seed uint64, actions ...s3test.Action) {
	for i, a := range actions {
		s.Inject(s3test.Fault{Match: s3test.Match{Op: op, Chance: chance, Seed: seed + uint64(i)}, Do: a})
	}
}

// TestAnyFault reads random ranges of an object that is overwritten meanwhile,
// from a server that does everything wrong now and then which a client can see.
// Each read gives the bytes of the version it asked for, or an error; and what
// it gave before the error is right.
func TestAnyFault(t *testing.T) {
	const size, seed, readers, reads = 700_001, 7, 8, 25
	m := s3test.NewMem()
	s, c := scripted(t, m)
	inject(s, s3test.OpGet, 0.015, rand.Uint64(),
		s3test.InternalError(), s3test.SlowDown(), s3test.HTMLPage(502), s3test.ErrorAsBody(), s3test.Gzip(),
		s3test.Truncate(1), s3test.Truncate(100_000), s3test.EndEarly(0), s3test.EndEarly(70_000), s3test.EndEarlyHTTP10(5000),
		s3test.HTTP10(), s3test.CloseEach(), s3test.CloseBefore(), s3test.CloseInHeader(), s3test.ResetBefore(),
		s3test.ResetAfter(0), s3test.ResetAfter(66_000), s3test.StallAfter(3000), s3test.StallBefore(), s3test.StallInHeader(),
		s3test.ShortRange(1000), s3test.ShiftRange(16), s3test.ShiftRange(-16), s3test.NoContentRange(), s3test.WholeObject(),
		s3test.ExtraBytes(10), s3test.BadLength("-5"), s3test.BadLength("x"), s3test.SetContentRange("bytes 0-0/1000000000000000000000"),
		s3test.IgnoreConditions(m), s3test.Redirect(307, "http://127.0.0.2:1/x"), s3test.WrongChecksum())

	var mu sync.Mutex // guards current and version
	version := uint32(1)
	current := m.Put("k", s3test.Coded(seed, version, size))
	var good, changed, failed int
	var wg sync.WaitGroup
	for range readers {
		wg.Go(func() {
			for range reads {
				mu.Lock()
				if rand.IntN(20) == 0 {
					version++
					current = m.Put("k", s3test.Coded(seed, version, size))
				}
				obj, v := current, version
				mu.Unlock()
				off := rand.Int64N(size)
				n := 1 + rand.Int64N(size-off)
				got, err := readRange(c, obj, off, n)
				if wrong := s3test.CheckCoded(got, off, seed, v); wrong != nil {
					t.Errorf("version %d, %d bytes from %d: %v", v, n, off, wrong)
				}
				mu.Lock()
				switch {
				case err == nil && int64(len(got)) == n:
					good++
				case errors.Is(err, s3backend.ErrChanged):
					changed++
					if v == version {
						t.Errorf("the current version is said to be gone: %v", err)
					}
				case errors.Is(err, s3backend.ErrUnavailable), errors.Is(err, s3backend.ErrBadAnswer), errors.Is(err, s3backend.ErrThrottled):
					failed++
				default:
					t.Errorf("%d of %d bytes: %v", len(got), n, err)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	t.Logf("%d right, %d changed, %d failed, in %d requests", good, changed, failed, s.Count())
	if good < readers*reads/2 {
		t.Errorf("%d of %d reads succeeded", good, readers*reads)
	}
}

func readRange(c *s3backend.Client, obj s3backend.Object, off, n int64) ([]byte, error) {
	body, err := c.Open(context.Background(), obj, off, n)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}

// TestAnyListingFault lists a directory of several pages from such a server: all
// of it, each name once, or an error.
func TestAnyListingFault(t *testing.T) {
	m := s3test.NewMem()
	want := map[string]bool{}
	for i := range 60 {
		for _, key := range []string{fmt.Sprintf("d/%02d+ %%\x01", i), fmt.Sprintf("d/%02d/a", i), fmt.Sprintf("d/%02d/b", i)} {
			m.Put(key, s3test.Bytes(nil))
		}
		want[fmt.Sprintf("d/%02d+ %%\x01", i)] = true
		want[fmt.Sprintf("d/%02d/", i)] = true
	}
	s, c := scripted(t, m)
	inject(s, s3test.OpList, 0.02, rand.Uint64(),
		s3test.InternalError(), s3test.SlowDown(), s3test.HTMLPage(200), s3test.HTMLPage(504), s3test.ErrorAsBody(), s3test.WrongDocument(),
		s3test.BrokenXML(), s3test.Truncate(500), s3test.EndEarly(500), s3test.ResetAfter(300), s3test.StallAfter(300), s3test.StallBefore(),
		s3test.CloseBefore(), s3test.SameToken(), s3test.TruncatedNoToken(), s3test.RepeatEntries(), s3test.Unsorted(),
		s3test.NotEncoded(), s3test.CloseEach())
	whole := 0
	const tries = 15
	for range tries {
		got, err := entries(c, "d/", 0)
		if err != nil {
			if !errors.Is(err, s3backend.ErrUnavailable) && !errors.Is(err, s3backend.ErrThrottled) {
				t.Errorf("error %v", err)
			}
			continue
		}
		whole++
		seen := map[string]bool{}
		for _, name := range got {
			if seen[name] || !want[name] {
				t.Errorf("%q: twice or not there", name)
			}
			seen[name] = true
		}
		if len(seen) != len(want) {
			t.Errorf("%d of %d entries, without an error", len(seen), len(want))
		}
	}
	t.Logf("%d of %d listings whole, in %d requests", whole, tries, s.Count())
	if whole < tries/2 {
		t.Errorf("%d of %d listings succeeded", whole, tries)
	}
}
