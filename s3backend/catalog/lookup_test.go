package catalog_test

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/catalog"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

func TestInvalidNamesAreNotAsked(t *testing.T) {
	s := newSpy()
	s.put("a/b", "..", "./x", "//x", "a\x00b", "/")
	c := newCatalog(t, catalog.Config{Bucket: s, NameMax: 255})
	for _, path := range []string{
		"..", ".", "a/..", "a/../b", "/", "/a", "a/", "a//b", "a\x00b",
		strings.Repeat("n", 256), strings.Repeat("n/", 512) + "n",
	} {
		if _, err := c.Lookup(context.Background(), path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("lookup %q: %v", path, err)
		}
		if _, err := c.List(context.Background(), path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("list %q: %v", path, err)
		}
	}
	wantQuestions(t, s)
}

// Rule 8: the questions are for keys, and no more of them than for other names.
func TestEscapedNamesAreAskedForByKey(t *testing.T) {
	for _, tt := range []struct {
		path  string
		key   string // of the object, "dir" of a directory, empty of nothing
		asked []string
	}{
		{"a‛file", "p/a", []string{"head p/a", "list p/a/ 1"}},
		{"a", "dir", []string{"head p/a", "list p/a/ 1"}},
		{"plain‛file", "", []string{"head p/plain", "list p/plain/ 1"}},
		{"full/‛marker", "p/full/", []string{"head p/full/"}},
		{"empty/‛marker", "", []string{"head p/empty/"}},
		{"a/／", "dir", []string{"list p/a// 1"}},
		{"a/／/．．/x", "p/a//../x", []string{"head p/a//../x", "list p/a//../x/ 1"}},
		{"x‛‛y␀", "p/x‛y\x00", []string{"head p/x‛y\x00", "list p/x‛y\x00/ 1"}},
		{"‛marker", "", nil}, {"a/／‛file", "", nil}, {"a‛", "", nil}, {"x‛y", "", nil}, {"．a", "", nil}, {"..", "", nil},
		{"a‛file/b", "", nil}, {"full/‛marker/x", "", nil}, {"a‛file‛file", "", nil}, {strings.Repeat("‛‛", 171), "", nil},
	} {
		t.Run(tt.path, func(t *testing.T) {
			s := newSpy()
			s.put("p/a", "p/a//../x", "p/plain", "p/full/", "p/x‛y\x00", "p/")
			s.Put("p/empty/", s3test.Bytes(nil))
			c := newCatalog(t, catalog.Config{Bucket: s, Prefix: "p/", Escape: true, TTL: time.Minute, NegativeTTL: time.Minute})
			for range 2 {
				n, err := c.Lookup(context.Background(), tt.path)
				switch tt.key {
				case "":
					if !errors.Is(err, fs.ErrNotExist) {
						t.Errorf("%+v, %v", n, err)
					}
				case "dir":
					if err != nil || !n.Dir {
						t.Errorf("%+v, %v", n, err)
					}
				default:
					if err != nil || n.Dir || n.Object.Key != tt.key || c.Key(tt.path) != tt.key {
						t.Errorf("%+v, %v", n, err)
					}
				}
			}
			wantQuestions(t, s, tt.asked...)
			if _, err := c.List(context.Background(), tt.path); tt.key != "dir" && !errors.Is(err, fs.ErrNotExist) || tt.key == "dir" && err != nil {
				t.Errorf("list: %v", err)
			}
		})
	}
}

func TestLookupAsksOnlyForTheLeaf(t *testing.T) {
	s := newSpy()
	s.put("p/a/b/c", "p/a/b/c-1")
	c := newCatalog(t, catalog.Config{Bucket: s, Prefix: "p/", TTL: time.Minute, NegativeTTL: time.Minute})
	for range 2 {
		n, err := c.Lookup(context.Background(), "a/b/c")
		if err != nil || n.Dir || n.Object.Key != "p/a/b/c" || n.Object.ContentType == "" {
			t.Fatalf("%+v, %v", n, err)
		}
	}
	wantQuestions(t, s, "head p/a/b/c", "list p/a/b/c/ 1")
}

func TestListingAnswersYesAndNo(t *testing.T) {
	s := newSpy()
	s.put("d/x", "d/sub/y")
	c := newCatalog(t, catalog.Config{Bucket: s, TTL: time.Minute, NegativeTTL: time.Minute})
	if _, err := c.List(context.Background(), "d"); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Lookup(context.Background(), "d/x"); err != nil || n.Object.Size != int64(len("contents of d/x")) {
		t.Fatalf("%+v, %v", n, err)
	}
	if n, err := c.Lookup(context.Background(), "d/sub"); err != nil || !n.Dir {
		t.Fatalf("%+v, %v", n, err)
	}
	if _, err := c.Lookup(context.Background(), "d/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	wantQuestions(t, s, "list d/")
}

// What is said when one of the two questions is refused or fails.
func TestRefusals(t *testing.T) {
	const head, list = "head x", "list x/ 1"
	down := s3backend.ErrUnavailable
	for _, tt := range []struct {
		name     string
		keys     []string
		fail     map[string]error
		wantKind string
		want     error
	}{
		{"file, listing denied", []string{"x"}, map[string]error{list: fs.ErrPermission}, "file", nil},
		{"both denied", []string{"x"}, map[string]error{head: fs.ErrPermission, list: fs.ErrPermission}, "", fs.ErrPermission},
		{"HEAD denied, nothing below", nil, map[string]error{head: fs.ErrPermission}, "", fs.ErrPermission},
		{"no file, listing denied", nil, map[string]error{list: fs.ErrPermission}, "", fs.ErrPermission},
		{"HEAD denied, a directory", []string{"x/y"}, map[string]error{head: fs.ErrPermission}, "dir", nil},
		{"HEAD down, a directory", []string{"x/y"}, map[string]error{head: down}, "dir", nil},
		{"file, listing down", []string{"x"}, map[string]error{list: down}, "", down},
		{"no file, listing down", nil, map[string]error{list: down}, "", down},
		{"HEAD down, nothing below", nil, map[string]error{head: down}, "", down},
		{"nothing", nil, nil, "", fs.ErrNotExist},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSpy()
			s.put(tt.keys...)
			if tt.fail != nil {
				s.fail = tt.fail
			}
			c := newCatalog(t, catalog.Config{Bucket: s, TTL: -1, NegativeTTL: -1})
			n, err := c.Lookup(context.Background(), "x")
			if !errors.Is(err, tt.want) || err == nil && n.Dir != (tt.wantKind == "dir") {
				t.Fatalf("%+v, %v; want %q, %v", n, err, tt.wantKind, tt.want)
			}
			if err == nil || errors.Is(err, fs.ErrNotExist) {
				return
			}
			// A failure is not kept.
			s.mu.Lock()
			clear(s.fail)
			s.mu.Unlock()
			s.put("x")
			if _, err := c.Lookup(context.Background(), "x"); err != nil {
				t.Fatalf("after recovery: %v", err)
			}
		})
	}
}

func TestTimeToLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpy()
		s.put("f")
		c := newCatalog(t, catalog.Config{Bucket: s, TTL: time.Minute, NegativeTTL: 5 * time.Second})
		ctx := context.Background()
		look := func(path string, fresh time.Duration, asked ...string) {
			t.Helper()
			n, err := c.Lookup(ctx, path)
			var absent *catalog.AbsentError
			if errors.As(err, &absent) {
				n.Fresh = absent.Fresh
			} else if err != nil {
				t.Fatal(err)
			}
			if n.Fresh != fresh {
				t.Fatalf("%q is fresh for %v, want %v", path, n.Fresh, fresh)
			}
			wantQuestions(t, s, asked...)
		}
		look("f", time.Minute, "head f", "list f/ 1")
		look("none", 5*time.Second, "head none", "list none/ 1")
		time.Sleep(4 * time.Second)
		look("none", time.Second)
		look("f", 56*time.Second)
		time.Sleep(time.Second)
		look("none", 5*time.Second, "head none", "list none/ 1")
		time.Sleep(54 * time.Second)
		look("f", time.Second)
		time.Sleep(time.Second)
		look("f", time.Minute, "head f", "list f/ 1")

		// A listing says yes for the one time and no for the other.
		if _, err := c.List(ctx, ""); err != nil {
			t.Fatal(err)
		}
		s.questions()
		time.Sleep(5 * time.Second)
		look("f", 55*time.Second)
		look("none2", 5*time.Second, "head none2", "list none2/ 1")
		time.Sleep(55 * time.Second)
		look("f", time.Minute, "head f", "list f/ 1")
	})
}

func TestTimeToLiveEndsCountFromTheQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpy()
		s.put("f")
		s.gate = make(chan struct{})
		c := newCatalog(t, catalog.Config{Bucket: s, TTL: time.Minute})
		go func() {
			time.Sleep(50 * time.Second)
			close(s.gate)
		}()
		n, err := c.Lookup(context.Background(), "f")
		if err != nil || n.Fresh != 10*time.Second {
			t.Fatalf("fresh for %v, %v", n.Fresh, err)
		}
	})
}

func TestForEverAndNever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpy()
		s.put("f")
		ctx := context.Background()
		c := newCatalog(t, catalog.Config{Bucket: s, TTL: -1, NegativeTTL: 0})
		c.Lookup(ctx, "f")
		s.questions()
		time.Sleep(10 * 365 * 24 * time.Hour)
		if n, err := c.Lookup(ctx, "f"); err != nil || n.Fresh < 100*365*24*time.Hour {
			t.Fatalf("%+v, %v", n, err)
		}
		wantQuestions(t, s)
		for range 2 {
			c.Lookup(ctx, "none")
			wantQuestions(t, s, "head none", "list none/ 1")
		}
	})
}

func TestConcurrentLookupsShareOneQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpy()
		s.put("f")
		s.gate = make(chan struct{})
		c := newCatalog(t, catalog.Config{Bucket: s, TTL: time.Minute})
		ctx, interrupt := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		errs := make([]error, 100)
		for i := range errs {
			wg.Go(func() {
				ctx := ctx
				if i > 0 {
					ctx = context.Background()
				}
				_, errs[i] = c.Lookup(ctx, "f")
			})
		}
		synctest.Wait()
		interrupt()
		time.Sleep(time.Second)
		close(s.gate)
		wg.Wait()
		for i, err := range errs {
			if want := i == 0; errors.Is(err, context.Canceled) != want || !want && err != nil {
				t.Errorf("caller %d: %v", i, err)
			}
		}
		wantQuestions(t, s, "head f", "list f/ 1")
	})
}

// A signal does not make a quick question fail.
func TestInterruptedCallersWaitALittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpy()
		s.put("f")
		c := newCatalog(t, catalog.Config{Bucket: s})
		for name, ask := range map[string]func(context.Context) error{
			"lookup":     func(ctx context.Context) error { _, err := c.Lookup(ctx, "f"); return err },
			"list":       func(ctx context.Context) error { _, err := c.List(ctx, ""); return err },
			"revalidate": func(ctx context.Context) error { _, err := c.Revalidate(ctx, "f"); return err },
		} {
			for _, slow := range []bool{false, true} {
				gate := make(chan struct{})
				s.mu.Lock()
				s.gate = gate
				s.mu.Unlock()
				ctx, interrupt := context.WithCancel(context.Background())
				time.AfterFunc(time.Second, interrupt)
				answer := time.Second + 100*time.Millisecond
				if slow {
					answer = 3 * time.Second
				}
				time.AfterFunc(answer, func() { close(gate) })
				began := time.Now()
				err := ask(ctx)
				if slow && (!errors.Is(err, context.Canceled) || time.Since(began) > 2*time.Second) || !slow && err != nil {
					t.Errorf("%s, slow %v: %v after %v", name, slow, err, time.Since(began))
				}
				<-gate
			}
		}
	})
}

// A question whose only caller was interrupted goes on, so that the caller's
// next try finds its answer.
func TestInterruptedQuestionsAreAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpy()
		s.put("d/f")
		s.gate = make(chan struct{})
		c := newCatalog(t, catalog.Config{Bucket: s, TTL: time.Minute})
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, err := c.Lookup(ctx, "d/f"); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if _, err := c.List(ctx, "d"); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		close(s.gate)
		synctest.Wait()
		wantQuestions(t, s, "head d/f", "list d/", "list d/f/ 1")
		if _, err := c.Lookup(context.Background(), "d/f"); err != nil {
			t.Fatal(err)
		}
		if _, err := c.List(context.Background(), "d"); err != nil {
			t.Fatal(err)
		}
		wantQuestions(t, s)
	})
}

// A Forget while a question is under way: its answer may be about the version
// that is gone, so it is given to those who asked and not kept.
func TestForgetOutdatesQuestionsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpy()
		s.put("d/f")
		c := newCatalog(t, catalog.Config{Bucket: s, TTL: -1})
		gate := make(chan struct{})
		s.gate = gate
		go c.Lookup(context.Background(), "d/f")
		go c.List(context.Background(), "d")
		synctest.Wait()
		now := s.Put("d/f", s3test.Bytes([]byte("second")))
		c.Forget("d/f")
		s.mu.Lock()
		s.gate = nil
		s.mu.Unlock()
		if n, err := c.Lookup(context.Background(), "d/f"); err != nil || n.Object.ETag != now.ETag {
			t.Fatalf("joined a question asked before: %+v, %v", n, err)
		}
		close(gate)
		synctest.Wait()
		n, err := c.Lookup(context.Background(), "d/f")
		if err != nil || n.Object.ETag != now.ETag {
			t.Fatalf("kept an answer asked for before: %+v, %v", n, err)
		}
		l, err := c.List(context.Background(), "d")
		if err != nil || l.At(0).Object.ETag != now.ETag {
			t.Fatalf("kept a listing asked for before: %+v, %v", l, err)
		}
	})
}

func TestRevalidate(t *testing.T) {
	s := newSpy()
	s.put("d/f")
	c := newCatalog(t, catalog.Config{Bucket: s, TTL: -1, NegativeTTL: -1})
	ctx := context.Background()
	if _, err := c.List(ctx, "d"); err != nil {
		t.Fatal(err)
	}
	now := s.Put("d/f", s3test.Bytes([]byte("second")))
	if n, err := c.Lookup(ctx, "d/f"); err != nil || n.Object.ETag == now.ETag {
		t.Fatalf("%+v, %v", n, err)
	}
	s.questions()
	if n, err := c.Revalidate(ctx, "d/f"); err != nil || n.Object.ETag != now.ETag {
		t.Fatalf("%+v, %v", n, err)
	}
	wantQuestions(t, s, "head d/f")
	// That the name is the new object's nobody has said: "d/f/" may be there by now.
	if n, err := c.Lookup(ctx, "d/f"); err != nil || n.Object.ETag != now.ETag {
		t.Fatalf("%+v, %v", n, err)
	}
	wantQuestions(t, s, "head d/f", "list d/f/ 1")
	if l, err := c.List(ctx, "d"); err != nil || l.At(0).Object.ETag != now.ETag {
		t.Fatalf("%+v, %v", l, err)
	}
	s.Delete("d/f")
	if _, err := c.Revalidate(ctx, "d/f"); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if _, err := c.Lookup(ctx, "d/f"); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
}

// What was a directory, and a file since, is none again because the file is gone.
func TestForgottenFileIsNoDirectory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpy()
		s.put("a/x")
		c := newCatalog(t, catalog.Config{Bucket: s, TTL: -1, NegativeTTL: -1})
		ctx := context.Background()
		if _, err := c.List(ctx, "a"); err != nil {
			t.Fatal(err)
		}
		s.Delete("a/x")
		s.put("a")
		time.Sleep(time.Second)
		if _, err := c.List(ctx, ""); err != nil {
			t.Fatal(err)
		}
		if n, err := c.Lookup(ctx, "a"); err != nil || n.Dir {
			t.Fatalf("%+v, %v", n, err)
		}
		s.Delete("a")
		if _, err := c.Revalidate(ctx, "a"); !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if n, err := c.Lookup(ctx, "a"); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("%+v, %v", n, err)
		}
	})
}

// Of two answers whose questions overlapped nobody knows which is the later one:
// neither is kept. Else a path looked up after an open that was ESTALE could lead
// to the stale version again.
func TestRevalidateOverlaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpy()
		s.put("f")
		c := newCatalog(t, catalog.Config{Bucket: s, TTL: -1})
		ctx := context.Background()
		gate := make(chan struct{})
		s.gate = gate
		slow := make(chan catalog.Node)
		go func() {
			n, _ := c.Revalidate(ctx, "f")
			slow <- n
		}()
		synctest.Wait()
		time.Sleep(time.Millisecond)
		now := s.Put("f", s3test.Bytes([]byte("second")))
		s.mu.Lock()
		s.gate = nil
		s.mu.Unlock()
		if n, err := c.Revalidate(ctx, "f"); err != nil || n.Object.ETag != now.ETag {
			t.Fatalf("%+v, %v", n, err)
		}
		close(gate)
		if n := <-slow; n.Object.ETag == now.ETag {
			t.Fatal("the slow answer is of the second version: this test proves nothing")
		}
		s.questions()
		if n, err := c.Lookup(ctx, "f"); err != nil || n.Object.ETag != now.ETag {
			t.Fatalf("%+v, %v", n, err)
		}
		wantQuestions(t, s, "head f", "list f/ 1")
		if n, err := c.Revalidate(ctx, "f"); err != nil || n.Object.ETag != now.ETag {
			t.Fatalf("%+v, %v", n, err)
		}
		if n, err := c.Lookup(ctx, "f"); err != nil || n.Object.ETag != now.ETag {
			t.Fatalf("%+v, %v", n, err)
		}
		wantQuestions(t, s, "head f")
	})
}

// A listing does not say whether an archived object is restored.
func TestArchivedIsLookedUpByItself(t *testing.T) {
	s := newSpy()
	s.PutWith("d/g", s3test.Bytes([]byte("x")), s3test.PutOptions{
		StorageClass: "GLACIER", RestoredUntil: time.Now().Add(time.Hour)})
	c := newCatalog(t, catalog.Config{Bucket: s, TTL: -1, NegativeTTL: -1})
	l, err := c.List(context.Background(), "d")
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := l.Find("g"); n.Fresh != 0 || !n.Object.Archived() {
		t.Fatalf("%+v", n)
	}
	for range 2 {
		if n, err := c.Lookup(context.Background(), "d/g"); err != nil || n.Object.Archived() {
			t.Fatalf("%+v, %v", n, err)
		}
	}
	wantQuestions(t, s, "list d/", "head d/g", "list d/g/ 1")
}

// noLongPrefix refuses, as S3 may, a prefix that is longer than any key.
type noLongPrefix struct{ *s3test.Mem }

func (b noLongPrefix) List(ctx context.Context, prefix string, limit int) iter.Seq2[s3backend.Entry, error] {
	if len(prefix) <= 1024 {
		return b.Mem.List(ctx, prefix, limit)
	}
	return func(yield func(s3backend.Entry, error) bool) {
		yield(s3backend.Entry{}, &s3backend.OpError{Op: "list", Key: prefix, Err: s3backend.ErrBadAnswer})
	}
}

// TestLongestKey: below a key of 1,024 bytes nothing can lie, so that nothing is asked there.
func TestLongestKey(t *testing.T) {
	mem := s3test.NewMem()
	key := strings.Repeat("d/", 500) + strings.Repeat("k", 24)
	mem.Put(key, s3test.Bytes([]byte("x")))
	c := newCatalog(t, catalog.Config{Bucket: noLongPrefix{mem}, TTL: time.Minute})
	if n, err := c.Lookup(context.Background(), key); err != nil || n.Object.Key != key {
		t.Errorf("%+v, %v", n, err)
	}
}
