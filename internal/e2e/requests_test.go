package e2e_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// TestWhatOperationsCost counts the requests of file operations, one after another on
// one mount. The README's table says the same.
func TestWhatOperationsCost(t *testing.T) {
	s := newStand(t)
	for i := range 1500 {
		s.put(fmt.Sprintf("d/f%04d", i), 1000)
	}
	s.put("a/b/c/d/e/f", 1000)
	s.put("top", 1000)
	for i := range 3 {
		for j := range 100 {
			for k := range 10 {
				s.put(fmt.Sprintf("big/%d/%03d/%d", i, j, k), 1000)
			}
		}
	}
	for i := range 100 {
		for j := range 20 {
			s.put(fmt.Sprintf("data/p=%02d/part-%02d.parquet", i, j), 1000)
		}
	}
	s.mount("--metadata-ttl", "600", "--negative-metadata-ttl", "600")
	in := func(path string) string { return filepath.Join(s.mnt, path) }
	stat := func(path string) func() error {
		return func() error { _, err := os.Stat(in(path)); return err }
	}
	missing := func(ask func() error) func() error {
		return func() error {
			if err := ask(); !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("not missing: %w", err)
			}
			return nil
		}
	}
	list := func(path string, want int) func() error {
		return func() error {
			if names, err := os.ReadDir(in(path)); err != nil || len(names) != want {
				return fmt.Errorf("%d names, %w", len(names), err)
			}
			return nil
		}
	}
	for _, tt := range []struct {
		what               string
		do                 func() error
		heads, lists, gets int
	}{
		// The mount's own question has told the names at the top. The kernel looks up each
		// component by itself; the second one's LIST tells the others.
		{"stat of a name at the top", stat("top"), 0, 0, 0},
		{"stat of a missing name at the top", missing(stat("none")), 1, 1, 0},
		{"stat of a path of six components", stat("a/b/c/d/e/f"), 0, 1, 0},
		{"stat of the same path again", stat("a/b/c/d/e/f"), 0, 0, 0},
		{"stat of a missing name beside it", missing(stat("a/b/c/d/e/g")), 0, 0, 0},
		{"ls of the directories on the path", list("a/b/c/d", 1), 0, 0, 0},
		// Below big there are more keys than a page tells, below the next name not.
		{"stat of a path of four components, 3,000 files below the first", stat("big/1/050/9"), 1, 2, 0},
		{"stat of another path there", stat("big/2/050/9"), 1, 1, 0},
		{"stat of a new name in a large directory", missing(stat("big/none")), 1, 1, 0},
		{"the same again", missing(stat("big/none")), 0, 0, 0},
		{"a hundred threads that stat one new name", func() error {
			return storm(100, missing(stat("big/other")))
		}, 1, 1, 0},
		{"ls of 1,500 names, a new directory", list("d", 1500), 0, 2, 0},
		{"ls again", list("d", 1500), 0, 0, 0},
		{"stat of a listed file", stat("d/f0700"), 0, 0, 0},
		{"stat of a missing name in a listed directory", missing(stat("d/none")), 0, 0, 0},
		{"open and read of a listed file", func() error { _, err := os.ReadFile(in("d/f0700")); return err }, 0, 0, 1},
		{"open and read again", func() error { _, err := os.ReadFile(in("d/f0700")); return err }, 0, 0, 0},
		{"stat of all files of a listed directory, as git status does", func() error {
			for i := range 1500 {
				if err := stat(fmt.Sprintf("d/f%04d", i))(); err != nil {
					return err
				}
			}
			return nil
		}, 0, 0, 0},
		// The directory and two partitions by themselves, and two pages ahead.
		{"a glob data/*/*.parquet over 100 directories of 20 files, new", glob(in("data/*/*.parquet"), 2000), 0, 5, 0},
		{"the glob again", glob(in("data/*/*.parquet"), 2000), 0, 0, 0},
	} {
		s.server.Reset()
		if err := tt.do(); err != nil {
			t.Errorf("%s: %v", tt.what, err)
		}
		heads, lists, gets := s.server.Count(s3test.OpHead), s.server.Count(s3test.OpList), s.server.Count(s3test.OpGet)
		t.Logf("%-60s %d HEAD, %d LIST, %d GET", tt.what, heads, lists, gets)
		if heads > tt.heads || lists > tt.lists || gets > tt.gets {
			t.Errorf("%s: at most %d HEAD, %d LIST, %d GET wanted", tt.what, tt.heads, tt.lists, tt.gets)
		}
	}
}

// TestRequestsOfAFlatDirectory: of 20,000 files each page of names is asked for once, and
// nothing else. The root's names are known since the mount, and what has come to it since
// then is found at once.
func TestRequestsOfAFlatDirectory(t *testing.T) {
	s := newStand(t)
	const n = 20_000
	for i := range n {
		s.put(fmt.Sprintf("flat/part-%05d.csv", i), 1000)
	}
	s.put("top", 1000)
	s.mount()
	s.server.Reset()
	entries, err := os.ReadDir(filepath.Join(s.mnt, "flat"))
	for _, e := range entries {
		if err == nil {
			_, err = e.Info()
		}
	}
	if err != nil || len(entries) != n {
		t.Fatalf("%d names, %v", len(entries), err)
	}
	if _, err := os.Stat(filepath.Join(s.mnt, "top")); err != nil {
		t.Error(err)
	}
	if heads, lists := s.server.Count(s3test.OpHead), s.server.Count(s3test.OpList); heads != 0 || lists != n/1000 {
		t.Errorf("%d HEAD and %d LIST, want %d LIST", heads, lists, n/1000)
	}
	late := s.put("late", 1000)
	if _, err := os.Stat(late.path()); err != nil {
		t.Errorf("what was put after the mount: %v", err)
	}
}

// storm does it in n threads at once.
func storm(n int, do func() error) error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { errs[i] = do() })
	}
	all.Wait()
	return errors.Join(errs...)
}

func glob(pattern string, want int) func() error {
	return func() error {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) != want {
			return fmt.Errorf("%s: %d names, %w", strings.TrimPrefix(pattern, "/"), len(names), err)
		}
		return nil
	}
}
