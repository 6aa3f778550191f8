package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/catalog"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

func TestSplitter(t *testing.T) {
	page := func(format string, from, n, step int) (keys []string) {
		for i := range n {
			keys = append(keys, fmt.Sprintf(format, from+i*step))
		}
		return keys
	}
	for _, tt := range []struct {
		page []string
		n    int
		want string
	}{
		{page("d/part-%07d.csv", 31_000, 1000, 1), 16_000, "d/part-0047983"},
		{page("d/part-%07d.csv", 999_000, 1000, 1), 16_000, "d/part-1015983"},
		{page("d/%08x", 0x1000000, 1000, 0x1000), 16_000, "d/0525"},
		{page("d/%08x", 0xf0000000, 1000, 0x1000), 1_000_000, ""}, // beyond the last
		{page("d/%08x", 0x1000000, 1000, 0x100), 1000, "d/0107c"},
		{page("d/%d", 5_000, 1000, 1), 5_000, ""}, // there may be no six thousand
		{[]string{"d/a"}, 1000, ""},
		{nil, 1000, ""},
		{[]string{"d/a", "d/a/"}, 10, ""},
	} {
		last := ""
		if len(tt.page) > 0 {
			last = tt.page[len(tt.page)-1]
		}
		if got := catalog.After("d/", tt.page, last, tt.n); !strings.HasPrefix(got, tt.want) || (got == "") != (tt.want == "") {
			t.Errorf("%d behind %q: %q, want %q", tt.n, last, got, tt.want)
		}
	}
}

// FuzzSplitter: a guess lies behind the key it starts from, in the prefix, and adds no
// slash.
func FuzzSplitter(f *testing.F) {
	f.Add("a1\na2\na3", 10)
	f.Add("x/\nxx\n\xff\xfe", 1000)
	f.Add("0\n00\n000\n9", 1<<30)
	f.Fuzz(func(t *testing.T, text string, n int) {
		if n <= 0 || len(text) > 2000 {
			return
		}
		keys := strings.Split("d/"+strings.ReplaceAll(text, "\n", "\nd/"), "\n")
		slices.Sort(keys)
		keys = slices.Compact(keys)
		key := keys[len(keys)-1]
		for range 5 {
			next := catalog.After("d/", keys, key, n)
			if next == "" {
				return
			}
			if next <= key || !strings.HasPrefix(next, "d/") || strings.Contains(next[len("d/"):], "/") && !strings.Contains(key[len("d/"):], "/") {
				t.Fatalf("%q after %q", next, key)
			}
			key = next
		}
	})
}

func collect(t interface{ Fatal(...any) }, pages iter.Seq2[[]s3backend.Entry, error]) (keys []string) {
	for page, err := range pages {
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page {
			keys = append(keys, e.Object.Key)
		}
	}
	return keys
}

// Listed in parts, a level is the same as listed in one go, whatever is guessed and
// whether the bucket knows parts or not.
func TestAbreastIsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mem := s3test.NewMem()
		digits := rapid.SampledFrom([]string{"[0-9]", "[a-c/]", "[0-9a-f]", "[!a/é]"}).Draw(t, "digits")
		key := rapid.StringMatching("d/(x-)?" + digits + "{1,4}(/y|.csv)?")
		for range rapid.IntRange(0, 300).Draw(t, "n") {
			mem.Put(key.Draw(t, "key"), s3test.Bytes(nil))
		}
		mem.SetPageSize(rapid.IntRange(2, 9).Draw(t, "page"))
		var bucket s3backend.Bucket = mem
		switch rapid.IntRange(0, 5).Draw(t, "deaf") {
		case 0:
			bucket = &deaf{mem}
		case 1:
			bucket = &skipping{deaf{mem}}
		}
		c, err := catalog.New(catalog.Config{Bucket: bucket})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		want := collect(t, mem.Pages(context.Background(), s3backend.Span{Prefix: "d/"}))
		got := collect(t, c.LevelPages(context.Background(), "d/", rapid.IntRange(1, 5).Draw(t, "large"),
			rapid.IntRange(1, 4).Draw(t, "parts"), rapid.IntRange(1, 3).Draw(t, "pages")))
		if !slices.Equal(got, want) {
			t.Fatalf("%d keys, want %d: %q, want %q", len(got), len(want), got, want)
		}
	})
}

// deaf is a bucket that does not know start-after.
type deaf struct{ *s3test.Mem }

func (d *deaf) Pages(ctx context.Context, span s3backend.Span) iter.Seq2[[]s3backend.Entry, error] {
	span.After = ""
	return d.Mem.Pages(ctx, span)
}

// skipping is deaf, and leaves out what was not asked for and says so, as
// s3backend.Client does.
type skipping struct{ deaf }

func (*skipping) IgnoresAfter() bool { return true }

func (d *skipping) Pages(ctx context.Context, span s3backend.Span) iter.Seq2[[]s3backend.Entry, error] {
	return func(yield func([]s3backend.Entry, error) bool) {
		for page, err := range d.deaf.Pages(ctx, span) {
			page = slices.DeleteFunc(page, func(e s3backend.Entry) bool { return e.Object.Key <= span.After })
			if !yield(page, err) {
				return
			}
		}
	}
}

// Large directories take less time than their pages one after another, and few
// requests more; leaving them, or failing, leaves nothing behind.
func TestLargeDirectoriesAreSplit(t *testing.T) {
	for _, format := range []string{"d/part-%07d.csv", "d/%08x", "d/2026-11-25T%06d"} {
		synctest.Test(t, func(t *testing.T) {
			p := newPaged(format, 0)
			const n = 200_000
			for i := range n {
				k := i
				if strings.Contains(format, "x") {
					k = int(uint32(i) * 2654435761) // as hashes are
				}
				p.Put(fmt.Sprintf(format, k), s3test.Bytes(nil))
			}
			c := newCatalog(t, catalog.Config{Bucket: p, TTL: time.Hour})
			began := time.Now()
			l, err := c.List(context.Background(), "d")
			took := time.Since(began)
			pages, _ := p.requests()
			t.Logf("%s: %d pages in %v", format, pages, took)
			if err != nil || l.Len() != n || pages > n/1000*23/20 || took > n/1000*20*time.Millisecond*6/10 {
				t.Errorf("%s: %d names in %d pages and %v, %v", format, l.Len(), pages, took, err)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		p := newPaged("d/%06d", 100_000)
		p.failAt = 50
		c := newCatalog(t, catalog.Config{Bucket: p, TTL: time.Hour})
		if _, err := c.List(context.Background(), "d"); !errors.Is(err, s3backend.ErrUnavailable) {
			t.Error(err)
		}
		if l, err := c.List(context.Background(), "d"); err != nil || l.Len() != 100_000 {
			t.Error(err)
		}
	})
}
