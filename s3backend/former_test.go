package s3backend_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

const formerSize = 100_000

// listedBefore is an object with versioning on as a listing has it, which carries no id.
func listedBefore(m *s3test.Mem, key string, o s3test.PutOptions) (listed s3backend.Object, id string) {
	m.SetVersioning(true)
	listed = m.PutWith(key, s3test.Coded(1, 1, formerSize), o)
	id, listed.VersionID = listed.VersionID, ""
	return listed, id
}

// readsFormer reads a range of the first version.
func readsFormer(c *s3backend.Client, obj s3backend.Object) error {
	p, err := readRange(c, obj, 10_000, 50_000)
	if err != nil {
		return err
	}
	return s3test.CheckCoded(p, 10_000, 1, 1)
}

// An object known from a listing is read on by the id that the bucket tells when it is
// asked, whatever became of the key; and that is asked once.
func TestFormerVersion(t *testing.T) {
	second := s3test.Coded(1, 2, formerSize)
	for name, change := range map[string]func(m *s3test.Mem){
		"overwritten": func(m *s3test.Mem) { m.Put("k", second) },
		"deleted":     func(m *s3test.Mem) { m.Delete("k") },
		"both":        func(m *s3test.Mem) { m.Put("k", second); m.Delete("k"); m.Put("k", second) },
		"put twice":   func(m *s3test.Mem) { m.Put("k", second); m.Put("k", s3test.Coded(1, 1, formerSize)); m.Delete("k") },
		"suspended":   func(m *s3test.Mem) { m.SetVersioning(false); m.Put("k", second) },
	} {
		for _, etag := range []string{"", `"0123456789abcdef0123456789abcdef-7"`} {
			t.Run(name+etag, func(t *testing.T) {
				m := s3test.NewMem()
				s, c := scripted(t, m)
				obj, id := listedBefore(m, "k", s3test.PutOptions{ETag: etag, ModTime: time.Now().Add(-time.Hour)})
				change(m)
				body, err := c.Open(t.Context(), obj, 0, formerSize)
				if err != nil {
					t.Fatal(err)
				}
				if got := body.(s3backend.VersionedBody).VersionID(); got != id {
					t.Errorf("read as version %q, want %q", got, id)
				}
				p, err := io.ReadAll(body)
				if err := errors.Join(err, body.Close(), s3test.CheckCoded(p, 0, 1, 1)); err != nil || len(p) != formerSize {
					t.Errorf("%d bytes, %v", len(p), err)
				}
				for range 3 {
					if err := readsFormer(c, obj); err != nil {
						t.Error(err)
					}
				}
				if sum, err := c.Checksum(t.Context(), obj); err != nil || !sum.HasCRC {
					t.Errorf("checksum: %+v, %v", sum, err)
				}
				if n := s.Count(s3test.OpVersions); n != 1 {
					t.Errorf("asked for versions %d times", n)
				}
			})
		}
	}
}

// What has the same size or ETag only, is archived, or of a key that begins alike is not
// taken for it; and for an unversioned bucket one question is enough too.
func TestFormerVersionGone(t *testing.T) {
	second := s3test.Coded(1, 2, formerSize)
	for name, change := range map[string]func(m *s3test.Mem, id string){
		"deleted for good": func(m *s3test.Mem, id string) { m.Put("k", second); m.DeleteVersion("k", id) },
		"nothing left":     func(m *s3test.Mem, id string) { m.DeleteVersion("k", id) },
		"of another size": func(m *s3test.Mem, id string) {
			m.DeleteVersion("k", id)
			m.PutWith("k", s3test.Coded(1, 2, 7), s3test.PutOptions{ETag: `"e"`})
		},
		"of another key": func(m *s3test.Mem, id string) {
			m.DeleteVersion("k", id)
			m.PutWith("k0", second, s3test.PutOptions{ETag: `"e"`})
		},
		"archived meantime": func(m *s3test.Mem, id string) {
			m.DeleteVersion("k", id)
			m.PutWith("k", s3test.Coded(1, 1, formerSize), s3test.PutOptions{ETag: `"e"`, StorageClass: "GLACIER"})
			m.Put("k", second)
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := s3test.NewMem()
			s, c := scripted(t, m)
			obj, id := listedBefore(m, "k", s3test.PutOptions{ETag: `"e"`})
			change(m, id)
			for range 3 {
				if err := readsFormer(c, obj); !errors.Is(err, s3backend.ErrChanged) {
					t.Errorf("%v, want %v", err, s3backend.ErrChanged)
				}
			}
			if n := s.Count(s3test.OpVersions); n != 1 {
				t.Errorf("asked for versions %d times", n)
			}
		})
	}
	t.Run("unversioned", func(t *testing.T) {
		m := s3test.NewMem()
		s, c := scripted(t, m)
		old := m.Put("k", s3test.Coded(1, 1, formerSize))
		m.Put("k", second)
		for range 3 {
			if err := readsFormer(c, old); !errors.Is(err, s3backend.ErrChanged) {
				t.Errorf("%v, want %v", err, s3backend.ErrChanged)
			}
		}
		if n := s.Count(s3test.OpVersions); n != 1 {
			t.Errorf("asked for versions %d times", n)
		}
	})
}

// A key's versions come before those of the keys that begin with it: one page, however
// many these are, and a bounded number for a key with many.
func TestFormerVersionPages(t *testing.T) {
	for _, tt := range []struct {
		name            string
		later, siblings int
		pages           int
		gone            bool
	}{
		{name: "siblings", siblings: 200, pages: 1},
		{name: "at the page's end", later: 39, siblings: 200, pages: 1},
		{name: "many versions", later: 100, siblings: 200, pages: 3},
		{name: "too many versions", later: 500, pages: 10, gone: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := s3test.NewMem()
			s, c := scripted(t, m) // whose pages have 40
			obj, _ := listedBefore(m, "k", s3test.PutOptions{})
			for i := range tt.siblings {
				m.Put(fmt.Sprintf("k%04d", i), s3test.Coded(1, 1, formerSize))
			}
			for i := range tt.later {
				m.Put("k", s3test.Coded(1, uint32(i+2), formerSize))
			}
			if tt.later == 0 {
				m.Delete("k")
			}
			if err := readsFormer(c, obj); tt.gone != errors.Is(err, s3backend.ErrChanged) || !tt.gone && err != nil {
				t.Error(err)
			}
			if n := s.Count(s3test.OpVersions); n != tt.pages {
				t.Errorf("%d pages, want %d", n, tt.pages)
			}
		})
	}
}

// Readers of one version share the question, and who gives up does not end it for the
// others.
func TestFormerVersionShared(t *testing.T) {
	m := s3test.NewMem()
	// What is held back here is late for no client, however busy the machine is.
	s, c := scripted(t, m, func(o *s3backend.Options) { o.HeaderTimeout, o.RequestTimeout = time.Minute, 2*time.Minute })
	obj, _ := listedBefore(m, "k", s3test.PutOptions{})
	m.Delete("k")
	const readers = 16
	// The page is held back until all but the asker wait for it.
	asked, held := make(chan struct{}), make(chan struct{})
	release := sync.OnceFunc(func() { close(held) })
	defer release()
	s.Inject(s3test.Fault{Match: s3test.Match{Op: s3test.OpVersions}, Do: func(s3test.Request, *s3test.Reply) {
		close(asked)
		<-held
	}})
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error)
	go func() {
		_, err := c.Open(ctx, obj, 0, 10)
		first <- err
	}()
	select {
	case <-asked:
	case err := <-first:
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range readers {
		wg.Go(func() {
			if err := readsFormer(c, obj); err != nil {
				t.Error(err)
			}
		})
	}
	if err := s.Await(t.Context(), func(all []s3test.Request) bool {
		gone := 0
		for _, r := range all {
			if r.Op == s3test.OpGet && r.Done {
				gone++
			}
		}
		return gone == 1+readers
	}); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want %v", err, context.Canceled)
	}
	release()
	wg.Wait()
	if n := s.Count(s3test.OpVersions); n != 1 {
		t.Errorf("asked for versions %d times", n)
	}
}

// A guess asks nothing, but reads on by what a reader has asked for.
func TestFormerVersionGuessed(t *testing.T) {
	m := s3test.NewMem()
	s, c := scripted(t, m)
	obj, _ := listedBefore(m, "k", s3test.PutOptions{})
	m.Delete("k")
	guess := func() error {
		body, err := c.Open(s3backend.AsGuess(t.Context(), func() bool { return false }), obj, 0, 10)
		if err != nil {
			return err
		}
		return body.Close()
	}
	if err := guess(); !errors.Is(err, s3backend.ErrChanged) || s.Count(s3test.OpVersions) != 0 {
		t.Errorf("%v, and asked for versions %d times", err, s.Count(s3test.OpVersions))
	}
	if err := errors.Join(readsFormer(c, obj), guess()); err != nil || s.Count(s3test.OpVersions) != 1 {
		t.Errorf("%v, and asked for versions %d times", err, s.Count(s3test.OpVersions))
	}
}
