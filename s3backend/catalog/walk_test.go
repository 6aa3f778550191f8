package catalog_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zs3fs/zs3fs/s3backend/catalog"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// walk lists dir and what lies below it as find does, and returns the number of
// files. It stops after stop directories, when that is not 0, and goes no deeper than
// depth.
type walk struct {
	t           *testing.T
	c           *catalog.Catalog
	stop, depth int
	listed      int
	files       int
}

func (w *walk) do(dir string, depth int) {
	if w.stop > 0 && w.listed == w.stop {
		return
	}
	w.listed++
	s, err := w.c.Open(dir)
	if err != nil {
		w.t.Fatal(err)
	}
	defer s.Close()
	var dirs []string
	for i := 0; ; i++ {
		n, ok, err := s.At(context.Background(), i)
		if err != nil {
			w.t.Fatal(err)
		}
		if !ok {
			break
		}
		switch {
		case !n.Dir:
			w.files++
		case dir == "":
			dirs = append(dirs, n.Name)
		default:
			dirs = append(dirs, dir+"/"+n.Name)
		}
	}
	time.Sleep(time.Millisecond)
	if w.depth == 0 || depth < w.depth {
		for _, d := range dirs {
			w.do(d, depth+1)
		}
	}
}

// fill puts a tree of the given numbers of directories a level, and of files in each
// of the last.
func fill(p *paged, prefix string, files int, dirs ...int) {
	if len(dirs) == 0 {
		for i := range files {
			p.Put(fmt.Sprintf("%sf%05d", prefix, i), s3test.Bytes(nil))
		}
		return
	}
	for i := range dirs[0] {
		fill(p, fmt.Sprintf("%sd%03d/", prefix, i), files, dirs[1:]...)
	}
}

func TestWalks(t *testing.T) {
	for _, tt := range []struct {
		name        string
		files       int
		dirs        []int
		stop, depth int
		off         bool
		wantFiles   int
		maxPages    int
		maxTime     time.Duration
		maxWasted   int64
	}{
		// One LIST a directory takes 101 of them, and 2.1 s.
		{name: "100 x 200", files: 200, dirs: []int{100}, wantFiles: 20_000, maxPages: 26, maxTime: 700 * time.Millisecond},
		{name: "not ahead", files: 200, dirs: []int{100}, off: true, wantFiles: 20_000, maxPages: 101, maxTime: 3 * time.Second},
		{name: "stops after 3", files: 200, dirs: []int{100}, stop: 4, wantFiles: 600, maxPages: 6, maxTime: time.Second, maxWasted: 2},
		{name: "5 deep, wide", files: 10, dirs: []int{5, 10, 10, 10}, wantFiles: 50_000, maxPages: 70, maxTime: 7 * time.Second, maxWasted: 1},
		// The directories above the last hold more than a reader waits for.
		{name: "5 deep, narrow", files: 10, dirs: []int{4, 5, 10, 10}, wantFiles: 20_000, maxPages: 50, maxTime: 700 * time.Millisecond, maxWasted: 1},
		// Directories of many pages each: several at once.
		{name: "large", files: 5000, dirs: []int{12}, wantFiles: 60_000, maxPages: 66, maxTime: 700 * time.Millisecond, maxWasted: 3},
		// What lies deeper is not asked for.
		{name: "find -maxdepth 1", files: 100, dirs: []int{30, 50}, depth: 1, maxPages: 36, maxTime: 400 * time.Millisecond, maxWasted: 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPaged("", 0)
				fill(p, "", tt.files, tt.dirs...)
				c := newCatalog(t, catalog.Config{Bucket: p, TTL: time.Hour, Memory: 256 << 20, ListAhead: !tt.off})
				w := walk{t: t, c: c, stop: tt.stop, depth: tt.depth}
				began := time.Now()
				w.do("", 0)
				took := time.Since(began) - time.Duration(w.listed)*time.Millisecond
				time.Sleep(time.Minute)
				pages, others := p.requests()
				t.Logf("%d directories: %d pages in %v, %+v", w.listed, pages, took, c.Stats())
				stats := c.Stats()
				if w.files != tt.wantFiles || pages > tt.maxPages || others > 0 || took > tt.maxTime || stats.AheadWasted > tt.maxWasted {
					t.Errorf("%d files, %d pages, %d others in %v", w.files, pages, others, took)
				}
				if stats.AheadRequests != stats.AheadUseful+stats.AheadWasted || tt.off == (stats.AheadRequests > 0) {
					t.Errorf("%+v", stats)
				}
				// A second pass asks nothing.
				again := walk{t: t, c: c, stop: tt.stop, depth: tt.depth}
				again.do("", 0)
				time.Sleep(time.Minute)
				if more, _ := p.requests(); again.files != w.files || more > pages+int(tt.maxWasted) {
					t.Errorf("the second pass: %d files, %d pages", again.files, more-pages)
				}
			})
		})
	}
}

// Where names sort elsewhere than their keys, a walk and what goes ahead of it part:
// its directories are listed by themselves then, and nothing is missed.
func TestWalksOfEscapedNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPaged("", 0)
		for _, top := range []string{"a", "．", "日", "\x00"} {
			for i := range 30 {
				fill(p, fmt.Sprintf("‛/%s%02d/", top, i), 200)
			}
		}
		c := newCatalog(t, catalog.Config{Bucket: p, TTL: time.Hour, Memory: 256 << 20, ListAhead: true, Escape: true})
		w := walk{t: t, c: c}
		w.do("", 0)
		time.Sleep(time.Minute)
		pages, others := p.requests()
		t.Logf("%d directories: %d pages, %+v", w.listed, pages, c.Stats())
		// One LIST a directory takes 122.
		if w.listed != 122 || w.files != 24_000 || pages > 100 || others > 0 {
			t.Errorf("%d directories, %d files, %d pages, %d others", w.listed, w.files, pages, others)
		}
	})
}
