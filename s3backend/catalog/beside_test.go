package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/catalog"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// kinds counts questions: "head", "list", "peek" of the keys below a directory, "beside"
// one and behind it, "level" of the names in it.
func kinds(questions []string) map[string]int {
	n := make(map[string]int)
	for _, q := range questions {
		kind, _, _ := strings.Cut(q, " ")
		n[kind]++
	}
	return n
}

// TestStormsOfStats: what stats cost where nothing is listed, in requests of each kind.
// What is asked for beside the names pays for itself, or is soon given up.
func TestStormsOfStats(t *testing.T) {
	atRandom := func(paths []string) []string {
		paths = slices.Clone(paths)
		rand.New(rand.NewPCG(5, 6)).Shuffle(len(paths), func(i, j int) { paths[i], paths[j] = paths[j], paths[i] })
		return paths
	}
	backwards := func(paths []string) []string {
		slices.Reverse(paths)
		return paths
	}
	dirs := func(paths []string) (dirs []string) {
		for _, p := range paths {
			dirs = append(dirs, p[:strings.LastIndexByte(p, '/')])
		}
		return slices.Compact(dirs)
	}
	nth := func(paths []string, n int) (some []string) {
		for i := 0; i < len(paths); i += n {
			some = append(some, paths[i])
		}
		return some
	}
	large := grid("t/", 100, 200)
	for _, tt := range []struct {
		name        string
		keys, paths []string
		want        map[string]int
	}{
		{"1,000 files of 100 x 200", large, atRandom(large)[:1000], map[string]int{"head": 2, "level": 1, "peek": 8, "beside": 33}},
		{"of 30 x 200", grid("t/", 30, 200), atRandom(grid("t/", 30, 200))[:1000], map[string]int{"head": 2, "level": 1, "peek": 3, "beside": 10}},
		// The fewer the stats for a directory, the fewer pages go on to others.
		{"of 300 x 200", grid("t/", 300, 200), atRandom(grid("t/", 300, 200))[:1000], map[string]int{"head": 2, "level": 1, "peek": 81, "beside": 93}},
		{"of 900 x 10", grid("t/", 900, 10), atRandom(grid("t/", 900, 10))[:1000], map[string]int{"head": 2, "level": 1, "peek": 3, "beside": 26}},
		{"in order", large, large[:1000], map[string]int{"head": 1, "peek": 2}},
		{"of 5 of the 100", large, atRandom(large[2000:3000]), map[string]int{"head": 2, "level": 1, "peek": 3, "beside": 3}},
		{"of 2 of the 100", large, atRandom(large[2000:2400]), map[string]int{"head": 2, "level": 1, "peek": 3}},
		// What lies behind each is known already.
		{"one of each, backwards", large, backwards(nth(large, 200)), map[string]int{"head": 2, "level": 1, "peek": 89, "beside": 8}},
		{"100 x 200, directories alone", large, dirs(large), map[string]int{"head": 2, "level": 1, "peek": 2}},
		{"more of them than a page", grid("t/", 3000, 3), dirs(grid("t/", 3000, 3)), map[string]int{"head": 201, "level": 1, "peek": 201, "list": 1, "span": 6}},
		{"150 files of one directory", grid("t/", 5000), grid("t/", 150), map[string]int{"head": 151, "peek": 151}},
		// A page of names shows none of them, and is not asked for again.
		{"directories behind 2,000 files", append(grid("t/", 2000), grid("t/z", 20, 2)...), dirs(grid("t/z", 20, 2)), map[string]int{"head": 21, "level": 1, "peek": 21}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, c := newPeeker(t, tt.keys...)
				for _, p := range tt.paths {
					if n, err := stat(c, p); err != nil || !n.Dir && n.Object.Key != p {
						t.Fatalf("%s: %+v, %v", p, n, err)
					}
					synctest.Wait()
				}
				got := kinds(s.questions())
				t.Log(got)
				for kind, n := range got {
					if n > tt.want[kind] {
						t.Errorf("%d questions %q, want %d", n, kind, tt.want[kind])
					}
				}
				c.Close()
			})
		})
	}
}

// A page of names shows that there are directories, not what there is not, and no file
// for want of its version id.
func TestAPageOfNamesTellsOfDirectories(t *testing.T) {
	s, c := newPeeker(t, append(grid("t/", 10, 150), "t/file")...)
	for _, p := range []string{"t", "t/008", "t/009"} {
		if n, err := stat(c, p); err != nil || !n.Dir {
			t.Fatalf("%s: %+v, %v", p, n, err)
		}
	}
	if n := kinds(s.questions()); n["level"] != 1 {
		t.Fatalf("asked %v", n)
	}
	s.put("t/new/x", "t/newer")
	for _, p := range []string{"t/007", "t/new", "t/newer", "t/file"} {
		n, err := stat(c, p)
		if err != nil || n.Dir != (p == "t/007" || p == "t/new") || !n.Dir && n.Object.ContentType == "" {
			t.Errorf("%s: %+v, %v", p, n, err)
		}
	}
	want := []string{"head t/new", "peek t/new/", "head t/newer", "peek t/newer/", "head t/file", "peek t/file/"}
	wantQuestions(t, s.spy, want...)
}

// enter makes a directory t of whose directories from 3 on only the names are known, and
// has another one been entered.
func enter(t *testing.T, s peeker, c *catalog.Catalog) {
	t.Helper()
	s.put(grid("t/", 10, 300)...)
	for _, p := range []string{"t/008", "t/009", "t/007/000"} {
		if _, err := stat(c, p); err != nil {
			t.Fatal(err)
		}
	}
	s.questions()
}

// A page that goes on behind a directory tells of those that it covers wholly, and
// nothing of the files between them.
func TestAPageBesideTellsOfDirectories(t *testing.T) {
	s, c := newPeeker(t, "t/004.txt", "t/005", "t/005.x/y", "t/005z")
	enter(t, s, c)
	for _, p := range []string{"t/004/299", "t/005/299", "t/006/000"} {
		if n, err := stat(c, p); err != nil || n.Dir || n.Object.Key != p {
			t.Errorf("%s: %+v, %v", p, n, err)
		}
	}
	for _, p := range []string{"t/004/none", "t/005/none"} {
		if _, err := stat(c, p); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", p, err)
		}
	}
	if n, err := stat(c, "t/005"); err != nil || !n.Dir {
		t.Errorf("a shadowed file: %+v, %v", n, err)
	}
	wantQuestions(t, s.spy, "beside t/004. in t/")
	for _, p := range []string{"t/004.txt", "t/005z"} {
		if n, err := stat(c, p); err != nil || n.Object.ContentType == "" {
			t.Errorf("%s: %+v, %v", p, n, err)
		}
		wantQuestions(t, s.spy, "head "+p, "peek "+p+"/")
	}
}

// What a page beside cannot tell of is asked for as without it.
func TestAPageBesideTellsNothing(t *testing.T) {
	for _, tt := range []struct {
		name  string
		keys  []string
		fail  error
		asked []string
		want  error
	}{
		{"files like d.txt before it", grid("t/004.", 1000), nil, []string{"beside t/004. in t/", "peek t/004/"}, nil},
		{"the level may not be listed", nil, fs.ErrPermission, []string{"beside t/004. in t/", "peek t/004/"}, nil},
		{"it is no page", nil, s3backend.ErrBadAnswer, []string{"beside t/004. in t/", "peek t/004/"}, nil},
		{"it is not to be had", nil, s3backend.ErrUnavailable, []string{"beside t/004. in t/", "peek t/004/"}, nil},
		// Whatever is asked for, nobody answers.
		{"the bucket is away", nil, s3backend.ErrUnreachable, []string{"beside t/004. in t/"}, s3backend.ErrUnreachable},
		{"the bucket throttles", nil, s3backend.ErrThrottled, []string{"beside t/004. in t/"}, s3backend.ErrThrottled},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, c := newPeeker(t)
			enter(t, s, c)
			s.put(tt.keys...)
			if tt.fail != nil {
				s.fail["beside t/004. in t/"] = tt.fail
			}
			if n, err := stat(c, "t/004/123"); !errors.Is(err, tt.want) || n.Dir {
				t.Errorf("%+v, %v", n, err)
			}
			wantQuestions(t, s.spy, tt.asked...)
			if tt.fail == nil || tt.want != nil {
				return
			}
			// It would fail again.
			if n, err := stat(c, "t/005/123"); err != nil || n.Dir {
				t.Errorf("%+v, %v", n, err)
			}
			wantQuestions(t, s.spy, "peek t/005/")
		})
	}
}

// Use of what a page beside told is seen where paths sort otherwise than keys: "d-1/" and
// "d-2/" come before "d/".
func TestUseOfAPageBesideIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newPeeker(t)
		for i := range 30 {
			for _, end := range []string{"-1", "-2", ""} {
				s.put(grid(fmt.Sprintf("t/%02d%s/", i, end), 300)...)
			}
		}
		look := func(paths ...string) {
			t.Helper()
			for _, p := range paths {
				if n, err := stat(c, p); err != nil || !n.Dir && n.Object.Key != p {
					t.Fatalf("%s: %+v, %v", p, n, err)
				}
			}
		}
		look("t/29", "t/28/000")
		s.questions()
		for i := 1; i < 28; i++ {
			look(fmt.Sprintf("t/%02d-1/000", i), fmt.Sprintf("t/%02d-2/000", i))
		}
		if n := kinds(s.questions()); n["beside"] != 27 || len(n) != 1 {
			t.Errorf("asked %v", n)
		}
		c.Close()
	})
}

// TestNamesAroundAreAskedForAgain: a page of names that has failed is asked for again, one
// that has come is not, for ever, before it is refreshed.
func TestNamesAroundAreAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := peeker{newSpy()}
		s.put(grid("t/", 30, 300)...)
		c := newCatalog(t, catalog.Config{Bucket: s, TTL: -1, NegativeTTL: -1, ListAhead: true})
		defer c.Close()
		next := 10
		levels := func(dirs int) int {
			t.Helper()
			for range dirs {
				p := fmt.Sprintf("t/%03d", next)
				if n, err := stat(c, p); err != nil || !n.Dir {
					t.Fatalf("%s: %+v, %v", p, n, err)
				}
				synctest.Wait()
				next++
			}
			return kinds(s.questions())["level"]
		}
		s.fail["level t/"] = s3backend.ErrUnavailable
		if n := levels(4); n != 1 {
			t.Errorf("at first: %d", n)
		}
		delete(s.fail, "level t/")
		if n := levels(1); n != 1 {
			t.Errorf("after a failure: %d", n)
		}
		next = 30
		s.put(grid("t/", 50, 3)...)
		if n := levels(10); n != 0 {
			t.Errorf("after one that came: %d", n)
		}
		c.Refresh("t")
		if n := levels(1); n != 1 {
			t.Errorf("after a refresh: %d", n)
		}
	})
}

// A page below a directory that could not be had, tried as often as it was, is not asked
// for again as the question whether there is one.
func TestAFailedPeekIsNotAskedTwice(t *testing.T) {
	s, c := newPeeker(t, "d/a")
	s.fail["peek d/"] = s3backend.ErrUnavailable
	if _, err := c.Lookup(context.Background(), "d/a"); !errors.Is(err, s3backend.ErrUnavailable) {
		t.Fatal(err)
	}
	wantQuestions(t, s.spy, "peek d/")
	delete(s.fail, "peek d/")
	if n, err := c.Lookup(context.Background(), "d/a"); err != nil || n.Object.Key != "d/a" {
		t.Fatalf("%+v, %v", n, err)
	}
}

// Where the server ignores start-after that is found out at the first page, and costs
// no more than that.
func TestNoPageBesideWithoutStartAfter(t *testing.T) {
	for _, name := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		t.Setenv(name, "/dev/null")
	}
	mem := s3test.NewMem()
	paths := grid("t/", 60, 150)
	for _, p := range paths {
		mem.Put(p, s3test.Bytes([]byte("x")))
	}
	srv, err := s3test.NewServer(mem, s3test.ServerConfig{Quirks: s3test.Quirks{IgnoreStartAfter: true}})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	b, err := s3backend.New(context.Background(), s3backend.Options{Bucket: srv.Bucket(), EndpointURL: srv.URL(), NoSignRequest: true})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	c := newCatalog(t, catalog.Config{Bucket: b, TTL: time.Minute, NegativeTTL: time.Minute, ListAhead: true})
	defer c.Close()
	for i := len(paths) - 1; i > 0; i -= 150 {
		if n, err := stat(c, paths[i]); err != nil || n.Object.Key != paths[i] {
			t.Fatalf("%s: %+v, %v", paths[i], n, err)
		}
	}
	// Of t 2 and of 059 2 with the names beside; 54 that no page covers, one page in vain.
	heads, lists := srv.Count(s3test.OpHead), srv.Count(s3test.OpList)
	if t.Logf("%d HEADs, %d LISTs", heads, lists); heads > 2 || lists > 3+54+1 {
		t.Errorf("%d HEADs, %d LISTs", heads, lists)
	}
}
