package catalog_test

import (
	"context"
	"iter"
	"slices"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/catalog"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// spy is a bucket that notes each question, and can be told to hold or fail it.
type spy struct {
	*s3test.Mem
	mu    sync.Mutex // guards the following
	asked []string   // "head KEY", "list PREFIX LIMIT"
	fail  map[string]error
	gate  chan struct{} // a question waits until it is closed, or its context ends
	// cut makes a listing fail after that many entries; 0 is never.
	cut    int
	cutErr error
	// reverse yields listings backwards, as a directory bucket may.
	reverse bool
}

func newSpy() *spy { return &spy{Mem: s3test.NewMem(), fail: make(map[string]error)} }

func (s *spy) put(keys ...string) {
	for _, k := range keys {
		s.Put(k, s3test.Bytes([]byte("contents of "+k)))
	}
}

// questions returns what was asked since the last call, sorted.
func (s *spy) questions() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.asked
	s.asked = nil
	slices.Sort(q)
	return q
}

func (s *spy) note(ctx context.Context, q string) error {
	s.mu.Lock()
	s.asked = append(s.asked, q)
	err, gate := s.fail[q], s.gate
	s.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return &s3backend.OpError{Op: "test", Key: q, Err: ctx.Err()}
		}
	}
	if err != nil {
		return &s3backend.OpError{Op: "test", Key: q, Err: err}
	}
	return nil
}

func (s *spy) Head(ctx context.Context, key string) (s3backend.Object, error) {
	// The answer is of the moment of the question, however long it is held.
	obj, answer := s.Mem.Head(ctx, key)
	if err := s.note(ctx, "head "+key); err != nil {
		return s3backend.Object{}, err
	}
	return obj, answer
}

func (s *spy) List(ctx context.Context, prefix string, limit int) iter.Seq2[s3backend.Entry, error] {
	return func(yield func(s3backend.Entry, error) bool) {
		var entries []s3backend.Entry
		for e, err := range s.Mem.List(ctx, prefix, limit) {
			if err != nil {
				yield(e, err)
				return
			}
			e.Object.ContentType, e.Object.VersionID, e.Object.Restored = "", "", false
			entries = append(entries, e)
		}
		q := "list " + prefix
		if limit > 0 {
			q += " 1"
		}
		if err := s.note(ctx, q); err != nil {
			yield(s3backend.Entry{}, err)
			return
		}
		s.mu.Lock()
		cut, cutErr := s.cut, s.cutErr
		s.mu.Unlock()
		if s.reverse {
			slices.Reverse(entries)
		}
		for i, e := range entries {
			if cut > 0 && i == cut {
				yield(s3backend.Entry{}, cutErr)
				return
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

// Pages is List in pages of three, or less at the end, for spans that List knows.
func (s *spy) Pages(ctx context.Context, span s3backend.Span) iter.Seq2[[]s3backend.Entry, error] {
	if span.Deep || span.After != "" {
		return s.span(ctx, span)
	}
	return func(yield func([]s3backend.Entry, error) bool) {
		var page []s3backend.Entry
		for e, err := range s.List(ctx, span.Prefix, 0) {
			if err != nil {
				yield(nil, err)
				return
			}
			if page = append(page, e); len(page) == 3 {
				if !yield(page, nil) {
					return
				}
				page = nil
			}
		}
		yield(page, nil)
	}
}

func (s *spy) span(ctx context.Context, span s3backend.Span) iter.Seq2[[]s3backend.Entry, error] {
	return func(yield func([]s3backend.Entry, error) bool) {
		for page, err := range s.Mem.Pages(ctx, span) {
			if err == nil {
				err = s.note(ctx, "span "+span.Prefix+" after "+span.After)
			}
			for i := range page {
				o := &page[i].Object
				o.ContentType, o.VersionID, o.Restored = "", "", false
			}
			if !yield(page, err) || err != nil {
				return
			}
		}
	}
}

func newCatalog(t *testing.T, cfg catalog.Config) *catalog.Catalog {
	t.Helper()
	c, err := catalog.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func wantQuestions(t *testing.T, s *spy, want ...string) {
	t.Helper()
	slices.Sort(want)
	if got := s.questions(); !slices.Equal(got, want) {
		t.Fatalf("asked %q, want %q", got, want)
	}
}

// foreign answers a listing with a key from elsewhere.
type foreign struct{ *spy }

func (f *foreign) Pages(context.Context, s3backend.Span) iter.Seq2[[]s3backend.Entry, error] {
	return func(yield func([]s3backend.Entry, error) bool) {
		yield([]s3backend.Entry{{Object: s3backend.Object{Key: "elsewhere/x"}}}, nil)
	}
}
