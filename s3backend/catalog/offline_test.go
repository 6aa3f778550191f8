package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/catalog"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// awayFor is how long the first questions to a server that is away take, as of a
// client's ten attempts; the later ones take nothing.
const awayFor = 20 * time.Second

// leaver is a bucket that can be away.
type leaver struct {
	*s3test.Mem
	away  atomic.Bool
	since atomic.Int64 // UnixNano
	asked atomic.Int64
}

func (l *leaver) leave() { l.since.Store(time.Now().UnixNano()); l.away.Store(true) }

// question returns what a client says while the server is away.
func (l *leaver) question(ctx context.Context, op, key string) error {
	l.asked.Add(1)
	if !l.away.Load() {
		return nil
	}
	left := awayFor - time.Since(time.Unix(0, l.since.Load()))
	if left > 0 {
		select {
		case <-time.After(left):
		case <-ctx.Done():
			return &s3backend.OpError{Op: op, Key: key, Err: ctx.Err()}
		}
	}
	return &s3backend.OpError{Op: op, Key: key, Err: s3backend.ErrUnreachable}
}

func (l *leaver) Head(ctx context.Context, key string) (s3backend.Object, error) {
	if err := l.question(ctx, "head", key); err != nil {
		return s3backend.Object{}, err
	}
	return l.Mem.Head(ctx, key)
}

func (l *leaver) List(ctx context.Context, prefix string, limit int) iter.Seq2[s3backend.Entry, error] {
	return func(yield func(s3backend.Entry, error) bool) {
		if err := l.question(ctx, "list", prefix); err != nil {
			yield(s3backend.Entry{}, err)
			return
		}
		l.Mem.List(ctx, prefix, limit)(yield)
	}
}

func (l *leaver) Pages(ctx context.Context, span s3backend.Span) iter.Seq2[[]s3backend.Entry, error] {
	return func(yield func([]s3backend.Entry, error) bool) {
		if err := l.question(ctx, "list", span.Prefix); err != nil {
			yield(nil, err)
			return
		}
		l.Mem.Pages(ctx, span)(yield)
	}
}

func newLeaver() *leaver { return &leaver{Mem: s3test.NewMem()} }

func offlineCatalog(t *testing.T, b s3backend.Bucket, ok bool) *catalog.Catalog {
	t.Helper()
	c, err := catalog.New(catalog.Config{Bucket: b, TTL: time.Minute, NegativeTTL: 5 * time.Second, OfflineOK: ok, ListAhead: true})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestOffline: each kind of answer, when it has expired and S3 is away.
func TestOffline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, b := context.Background(), newLeaver()
		for _, key := range []string{"d/a", "d/b", "looked/up", "other/x"} {
			b.Put(key, s3test.Bytes([]byte(key)))
		}
		c := offlineCatalog(t, b, true)
		defer c.Close()
		if _, err := c.List(ctx, "d"); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"looked/up", "gone"} {
			c.Lookup(ctx, path)
		}
		time.Sleep(time.Hour)
		b.leave()
		time.Sleep(awayFor)
		for _, path := range []string{"d/a", "looked/up"} {
			n, err := c.Lookup(ctx, path)
			if err != nil || n.Object.Key != path || n.Fresh <= 0 || n.Fresh > time.Second {
				t.Errorf("%s: %v for %v, %v", path, n.Object, n.Fresh, err)
			}
		}
		for _, path := range []string{"d/c", "gone"} {
			var absent *catalog.AbsentError
			if _, err := c.Lookup(ctx, path); !errors.As(err, &absent) || absent.Fresh > time.Second {
				t.Errorf("%s, which S3 said does not exist: %v", path, err)
			}
		}
		if l, err := c.List(ctx, "d"); err != nil || names(l) != "a b" || l.Fresh() != 0 {
			t.Errorf("listing: %v, %v", l, err)
		}
		if _, err := c.Lookup(ctx, "other/x"); !errors.Is(err, s3backend.ErrUnreachable) || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a name that nobody has asked for: %v", err)
		}
		if _, err := c.List(ctx, "other"); !errors.Is(err, s3backend.ErrUnreachable) || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a directory that nobody has listed: %v", err)
		}
		if _, err := c.Revalidate(ctx, "d/a"); !errors.Is(err, s3backend.ErrUnreachable) || !c.Offline(err) {
			t.Errorf("revalidate: %v", err)
		}
		if n := c.Stats().Expired; n != 5 {
			t.Errorf("%d expired answers were counted, want 5", n)
		}
		// What was refreshed is not known any more.
		c.Refresh("d")
		if _, err := c.Lookup(ctx, "d/a"); !errors.Is(err, s3backend.ErrUnreachable) {
			t.Errorf("after a refresh: %v", err)
		}
		time.Sleep(time.Hour)
		c.Refresh("other") // does not let go of the other mark
		if _, err := c.Lookup(ctx, "d/a"); !errors.Is(err, s3backend.ErrUnreachable) {
			t.Errorf("an hour after a refresh: %v", err)
		}
		b.away.Store(false)
		b.Delete("looked/up")
		if _, err := c.Lookup(ctx, "looked/up"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("deleted meanwhile, and S3 is back: %v", err)
		}
		if n, err := c.Lookup(ctx, "d/a"); err != nil || n.Fresh != time.Minute {
			t.Errorf("S3 is back: %v, %v", n.Fresh, err)
		}
	})
}

// TestOfflineIsNotWanted: without OfflineOK, and for errors that are an answer or
// concern one question only, nothing expired is served.
func TestOfflineIsNotWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		for _, tt := range []struct {
			ok  bool
			err error
		}{
			{false, s3backend.ErrUnreachable}, {true, s3backend.ErrUnavailable}, {true, s3backend.ErrThrottled},
			{true, fs.ErrPermission}, {true, s3backend.ErrCredentials}, {true, s3backend.ErrBadAnswer},
		} {
			s := newSpy()
			s.put("d/a")
			c := offlineCatalog(t, s, tt.ok)
			if _, err := c.List(ctx, "d"); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
			for _, q := range []string{"head d/a", "list d/a/ 1", "list d/"} {
				s.fail[q] = tt.err
			}
			if _, err := c.Lookup(ctx, "d/a"); !errors.Is(err, tt.err) {
				t.Errorf("%v, offline ok %v: lookup: %v", tt.err, tt.ok, err)
			}
			if _, err := c.List(ctx, "d"); !errors.Is(err, tt.err) {
				t.Errorf("%v, offline ok %v: listing: %v", tt.err, tt.ok, err)
			}
			c.Close()
		}
	})
}

// TestOfflineInTheMiddle: a reader that has been shown names of a new listing is not
// shown the rest of an old one.
func TestOfflineInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, s := context.Background(), newSpy()
		s.put("d/a", "d/b", "d/c", "d/d", "d/e")
		c := offlineCatalog(t, s, true)
		defer c.Close()
		if _, err := c.List(ctx, "d"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		s.Delete("d/d")
		s.cut, s.cutErr = 3, &s3backend.OpError{Op: "list", Key: "d/", Err: s3backend.ErrUnreachable}
		snap, err := c.Open("d")
		if err != nil {
			t.Fatal(err)
		}
		defer snap.Close()
		for i := 0; ; i++ {
			n, ok, err := snap.At(ctx, i)
			if err != nil {
				if i == 0 || !errors.Is(err, s3backend.ErrUnreachable) {
					t.Errorf("after %d names: %v", i, err)
				}
				return
			}
			if !ok || n.Name == "d" {
				t.Fatalf("name %d is %q, %v", i, n.Name, ok)
			}
		}
	})
}

// TestTenMinutesOffline has S3 away for ten minutes under load. Nothing is wrong: what
// is answered is what the bucket was when it left, and what was not known is an error,
// never absent. Nothing is stuck: a question waits for what the first ones wait, and
// later ones for nothing. And when S3 is back, each answer is the bucket's.
func TestTenMinutesOffline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newLeaver()
		put := func(dir, file, version int) {
			key := fmt.Sprintf("dir%02d/file%03d", dir, file)
			b.Put(key, s3test.Bytes([]byte(strings.Repeat("x", 1000*version+file+1))))
		}
		for dir := range 20 {
			for file := range 200 {
				put(dir, file, 1)
			}
		}
		c := offlineCatalog(t, b, true)
		defer c.Close()
		// Half of the directories are known, of one half of those by their names only.
		for dir := range 10 {
			path := fmt.Sprintf("dir%02d", dir)
			if dir%2 == 0 {
				if _, err := c.List(t.Context(), path); err != nil {
					t.Fatal(err)
				}
				continue
			}
			for file := range 200 {
				if _, err := c.Lookup(t.Context(), fmt.Sprintf("%s/file%03d", path, file)); err != nil {
					t.Fatal(err)
				}
			}
		}
		time.Sleep(2 * time.Minute)
		b.leave()
		left := time.Now()
		var right, unknown, lost atomic.Int64
		var wg sync.WaitGroup
		for worker := range 64 {
			wg.Go(func() {
				rnd := rand.New(rand.NewPCG(uint64(worker), 7))
				for time.Since(left) < 10*time.Minute {
					dir, file, known := rnd.IntN(20), rnd.IntN(200), false
					path := fmt.Sprintf("dir%02d", dir)
					start := time.Now()
					var err error
					if worker%4 == 0 {
						var l *catalog.Listing
						l, err = c.List(t.Context(), path)
						known = dir < 10 && dir%2 == 0
						if err == nil && l.Len() != 200 {
							t.Errorf("%s has %d names", path, l.Len())
						}
					} else {
						path += fmt.Sprintf("/file%03d", file)
						var n catalog.Node
						n, err = c.Lookup(t.Context(), path)
						known = dir < 10
						if err == nil && (n.Dir || n.Object.Key != path || n.Object.Size != int64(1000+file+1)) {
							t.Errorf("%s is %+v", path, n)
						}
					}
					if took := time.Since(start); took > max(awayFor-start.Sub(left), 0) {
						t.Errorf("%s took %v, %v after S3 went away", path, took, start.Sub(left))
					}
					switch {
					case err == nil && !known:
						t.Errorf("%s was answered, and nobody had asked", path)
					case err == nil:
						right.Add(1)
					case !errors.Is(err, s3backend.ErrUnreachable) || errors.Is(err, fs.ErrNotExist):
						t.Errorf("%s: %v", path, err)
					case known:
						lost.Add(1) // ristretto may drop what it likes
					default:
						unknown.Add(1)
					}
					time.Sleep(time.Duration(rnd.IntN(5000)) * time.Millisecond)
				}
			})
		}
		// Meanwhile the bucket goes on changing.
		time.Sleep(5 * time.Minute)
		for dir := range 20 {
			for file := range 100 {
				put(dir, file, 2)
			}
		}
		wg.Wait()
		t.Logf("%d answered, %d not known, %d lost", right.Load(), unknown.Load(), lost.Load())
		if right.Load() == 0 || unknown.Load() == 0 || lost.Load() > right.Load()/20 {
			t.Errorf("%d answered, %d not known, %d lost", right.Load(), unknown.Load(), lost.Load())
		}
		b.away.Store(false)
		for dir := range 20 {
			for file := range 200 {
				path, size := fmt.Sprintf("dir%02d/file%03d", dir, file), int64(1000+file+1)
				if file < 100 {
					size += 1000
				}
				if n, err := c.Lookup(t.Context(), path); err != nil || n.Object.Size != size {
					t.Fatalf("%s after S3 is back: %+v, %v", path, n, err)
				}
			}
		}
	})
}

// TestOfflineKnowsWhatWasGone: what S3 has said to be absent does not come back with S3
// away, from an older answer.
func TestOfflineKnowsWhatWasGone(t *testing.T) {
	for _, negative := range []time.Duration{0, 5 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			ctx, b := context.Background(), newLeaver()
			b.Put("d/f", s3test.Bytes([]byte("one")))
			b.Put("f", s3test.Bytes([]byte("two")))
			c, err := catalog.New(catalog.Config{Bucket: b, TTL: time.Minute, NegativeTTL: negative, OfflineOK: true, ListAhead: true})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := c.List(ctx, "d"); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Lookup(ctx, "f"); err != nil {
				t.Fatal(err)
			}
			b.Delete("d/f")
			b.Delete("f")
			time.Sleep(2 * time.Minute)
			if _, err := c.List(ctx, "d"); !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("list: %v", err)
			}
			if _, err := c.Lookup(ctx, "f"); !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("lookup: %v", err)
			}
			time.Sleep(2 * time.Minute)
			b.leave()
			if l, err := c.List(ctx, "d"); err == nil {
				t.Errorf("the directory is back, with %d names", l.Len())
			}
			if n, err := c.Lookup(ctx, "d/f"); err == nil {
				t.Errorf("the file in it is back: %+v", n)
			}
			if n, err := c.Lookup(ctx, "f"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the file is back: %+v, %v", n, err)
			}
		})
	}
}

// TestOfflineWithoutTTL: where only absence is kept, it is not the last that was heard of
// a name, and nothing is absent because S3 is away.
func TestOfflineWithoutTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, b := context.Background(), newLeaver()
		c, err := catalog.New(catalog.Config{Bucket: b, NegativeTTL: 5 * time.Second, OfflineOK: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Lookup(ctx, "f"); !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		b.Put("f", s3test.Bytes([]byte("here")))
		if _, err := c.Lookup(ctx, "f"); err != nil {
			t.Fatal(err)
		}
		b.leave()
		time.Sleep(time.Minute)
		if _, err := c.Lookup(ctx, "f"); !errors.Is(err, s3backend.ErrUnreachable) {
			t.Errorf("a file that was there a minute ago: %v", err)
		}
	})
}

// A version that was found to be replaced is not told again while S3 is away, though the listing
// that has it outlives the newer answer in memory.
func TestOfflineAfterRevalidate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		b := newLeaver()
		b.Put("d/f", s3test.Bytes([]byte("old")))
		b.Put("d/g", s3test.Bytes([]byte("g")))
		c := offlineCatalog(t, b, true)
		defer c.Close()
		if _, err := c.List(ctx, "d"); err != nil {
			t.Fatal(err)
		}
		now := b.Put("d/f", s3test.Bytes([]byte("newer")))
		time.Sleep(time.Hour)
		for _, ask := range []func(context.Context, string) (catalog.Node, error){c.Lookup, c.Revalidate} {
			if n, err := ask(ctx, "d/f"); err != nil || n.Object.ETag != now.ETag {
				t.Fatalf("%v, %v", n.Object, err)
			}
		}
		c.Lose("d/f")
		b.leave()
		time.Sleep(awayFor)
		if n, err := c.Lookup(ctx, "d/f"); !errors.Is(err, s3backend.ErrUnreachable) {
			t.Errorf("%v, %v", n.Object, err)
		}
	})
}
