package asof_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/asof"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// second is the n-th second of the history.
func second(n int) time.Time { return epoch.Add(time.Duration(n) * time.Second) }

// change is one step of the reference history.
type change struct {
	at      int
	key     string
	version uint32 // 0 is a delete
	id      string
}

// history is what was done to a bucket, in order.
type history []change

// state returns what was there at the end of a second: the version of each key.
func (h history) state(at int) map[string]change {
	state := map[string]change{}
	for _, c := range h {
		switch {
		case c.at > at:
		case c.version == 0:
			delete(state, c.key)
		default:
			state[c.key] = c
		}
	}
	return state
}

// level returns what a listing of the prefix must have: keys with their version
// ids, common prefixes with " dir".
func level(state map[string]change, prefix string) []string {
	names := map[string]bool{}
	for key, c := range state {
		rest, below := strings.CutPrefix(key, prefix)
		if !below {
			continue
		}
		if dir, _, ok := strings.Cut(rest, "/"); ok {
			names[prefix+dir+"/ dir"] = true
		} else {
			names[key+" "+c.id] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

const size = 100

// put and remove keep history and bucket alike.
func (h *history) put(m *s3test.Mem, at int, key string) {
	version := uint32(len(*h) + 1)
	obj := m.PutWith(key, s3test.Coded(1, version, size), s3test.PutOptions{ModTime: second(at)})
	*h = append(*h, change{at, key, version, obj.VersionID})
}

func (h *history) remove(m *s3test.Mem, at int, key string) {
	m.DeleteAt(key, second(at))
	*h = append(*h, change{at: at, key: key})
}

var keys = []string{"a", "a/", "a/b", "a/b/c", "a/b/d", "a-", "a.", "a0", "b", "b//c", "../x", "é", "é/z", "c/\U0010FFFF", "c/x", "c/y/z"}

func randomHistory(r *rand.Rand, m *s3test.Mem, n int) (h history) {
	m.SetVersioning(true)
	at := 0
	for range n {
		at += r.IntN(3) // several in one second too
		key := keys[r.IntN(len(keys))]
		if r.IntN(3) == 0 {
			h.remove(m, at, key)
		} else {
			h.put(m, at, key)
		}
	}
	return h
}

// client is a client of a server with small pages.
func client(t *testing.T, m *s3test.Mem, pageSize int) (*s3backend.Client, *s3test.Server) {
	t.Helper()
	for name, value := range map[string]string{"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_EC2_METADATA_DISABLED": "true"} {
		t.Setenv(name, value)
	}
	s, err := s3test.NewServer(m, s3test.ServerConfig{PageSize: pageSize})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	c, err := s3backend.New(t.Context(), s3backend.Options{Bucket: s.Bucket(), EndpointURL: s.URL(), NoSignRequest: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, s
}

// TestModel compares every level and every key at every moment of random
// histories with the reference, over pages of one to five versions.
func TestModel(t *testing.T) {
	for seed := range uint64(5) {
		r := rand.New(rand.NewPCG(seed, 1))
		m := s3test.NewMem()
		h := randomHistory(r, m, 60)
		c, _ := client(t, m, 1+r.IntN(5))
		end := h[len(h)-1].at
		for range 6 {
			at := r.IntN(end + 2)
			checkMoment(t, fmt.Sprintf("seed %d second %d", seed, at), asof.New(c, second(at)), h.state(at))
		}
	}
}

func checkMoment(t *testing.T, name string, b *asof.Bucket, state map[string]change) {
	t.Helper()
	for _, prefix := range []string{"", "a/", "a/b/", "b/", "b//", "c/", "../", "none/", "a"} {
		var got []string
		for e, err := range b.List(t.Context(), prefix, 0) {
			switch {
			case err != nil:
				t.Fatalf("%s: list %q: %v", name, prefix, err)
			case e.Dir:
				got = append(got, e.Object.Key+" dir")
			default:
				got = append(got, e.Object.Key+" "+e.Object.VersionID)
			}
		}
		slices.Sort(got)
		if want := level(state, prefix); !slices.Equal(got, want) {
			t.Errorf("%s: list %q: %q, want %q", name, prefix, got, want)
		}
		for range b.List(t.Context(), prefix, 1) {
			got = got[:max(len(got)-1, 0)]
		}
		if want := level(state, prefix); len(got) != max(len(want)-1, 0) {
			t.Errorf("%s: list %q limited to 1 differs", name, prefix)
		}
	}
	for _, key := range keys {
		obj, err := b.Head(t.Context(), key)
		c, there := state[key]
		switch {
		case !there && errors.Is(err, fs.ErrNotExist):
		case !there || err != nil || obj.VersionID != c.id:
			t.Errorf("%s: head %q: %+v, %v, want %+v", name, key, obj, err, c)
		default:
			if err := read(t.Context(), b, obj, c.version); err != nil {
				t.Errorf("%s: %q: %v", name, key, err)
			}
		}
	}
}

func read(ctx context.Context, b *asof.Bucket, obj s3backend.Object, version uint32) error {
	body, err := b.Open(ctx, obj, 0, obj.Size)
	if err != nil {
		return err
	}
	defer body.Close()
	p, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	return s3test.CheckCoded(p, 0, 1, version)
}

// TestPages: a directory costs one page, however large it is, and many small ones
// share pages.
func TestPages(t *testing.T) {
	m := s3test.NewMem()
	m.SetVersioning(true)
	var h history
	for i := range 3000 {
		h.put(m, 0, fmt.Sprintf("large/%02d/%04d", i%3, i))
	}
	for i := range 200 {
		h.put(m, 0, fmt.Sprintf("small%03d/x", i))
	}
	h.remove(m, 1, "small000/x")
	c, s := client(t, m, 1000)
	b := asof.New(c, second(1))
	for _, tt := range []struct {
		prefix          string
		limit           int
		names, requests int
	}{{"", 0, 200, 2}, {"large/", 0, 3, 4}, {"large/00/", 0, 1000, 1}, {"small000/", 1, 0, 1}, {"large/", 1, 1, 1}} {
		s.Reset()
		n := 0
		for _, err := range b.List(t.Context(), tt.prefix, tt.limit) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if got := s.Count(); n != tt.names || got > tt.requests {
			t.Errorf("%q: %d names by %d requests, want %d by at most %d", tt.prefix, n, got, tt.names, tt.requests)
		}
	}
	s.Reset()
	if _, err := b.Head(t.Context(), "small001/x"); err != nil || s.Count() != 1 {
		t.Errorf("head of what did not change: %v, %d requests", err, s.Count())
	}
}

// TestDeletedForGood: what is gone for good is not there, and what it had
// replaced shows instead.
func TestDeletedForGood(t *testing.T) {
	m := s3test.NewMem()
	m.SetVersioning(true)
	var h history
	h.put(m, 1, "k")
	h.put(m, 2, "k")
	h.put(m, 3, "k")
	m.DeleteVersion("k", h[1].id)
	b := asof.New(m, second(2))
	if obj, err := b.Head(t.Context(), "k"); err != nil || obj.VersionID != h[0].id {
		t.Errorf("%+v, %v", obj, err)
	}
	m.DeleteVersion("k", h[0].id)
	if obj, err := b.Head(t.Context(), "k"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%+v, %v", obj, err)
	}
}

// TestFailures: an error ends a listing, as one of its own, and is no absence.
func TestFailures(t *testing.T) {
	m := s3test.NewMem()
	m.SetVersioning(true)
	var h history
	h.put(m, 5, "k")
	c, s := client(t, m, 1000)
	s.Inject(s3test.Fault{Match: s3test.Match{Op: s3test.OpVersions}, Do: s3test.AccessDenied()})
	b := asof.New(c, second(2))
	_, err := b.Head(t.Context(), "k")
	wantDenied(t, err, "head", "k")
	n := 0
	for _, err := range b.List(t.Context(), "p/", 0) {
		wantDenied(t, err, "list", "p/")
		n++
	}
	if n != 1 {
		t.Errorf("%d pairs for a failure", n)
	}
}

func wantDenied(t *testing.T, err error, op, key string) {
	t.Helper()
	var e *s3backend.OpError
	if !errors.Is(err, fs.ErrPermission) || !errors.As(err, &e) || e.Op != op || e.Key != key {
		t.Errorf("%v, want permission denied to %s %q", err, op, key)
	}
}
