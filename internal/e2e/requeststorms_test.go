package e2e_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// cost is what something may ask for at most.
type cost struct{ heads, lists, gets int }

// costs does it, and compares what it asked for with what it may.
func (s *stand) costs(t *testing.T, what string, most cost, do func() error) {
	t.Helper()
	s.server.Reset()
	if err := do(); err != nil {
		t.Errorf("%s: %v", what, err)
	}
	is := cost{s.server.Count(s3test.OpHead), s.server.Count(s3test.OpList), s.server.Count(s3test.OpGet)}
	t.Logf("%-70s %d HEAD, %d LIST, %d GET", what, is.heads, is.lists, is.gets)
	if is.heads > most.heads || is.lists > most.lists || is.gets > most.gets {
		t.Errorf("%s: %+v, at most %+v wanted", what, is, most)
	}
}

// unheardOf has names kept for longer than any test takes.
var unheardOf = []string{"--log-level", "info", "--metadata-ttl", "600", "--negative-metadata-ttl", "600"}

// gitLooksFor are names that git asks for in any directory, and hardly ever finds.
var gitLooksFor = []string{".git", ".gitignore", ".gitattributes", ".gitmodules", "HEAD", "objects", "refs", "index.lock"}

// TestRequestsOfGitStatus: the storm of stats of a git status, most of them for names
// that are not there, and git itself.
func TestRequestsOfGitStatus(t *testing.T) {
	const dirs, files = 300, 5
	s := newStand(t)
	for i := range dirs {
		for j := range files {
			s.bucket.Put(fmt.Sprintf("w/%03d/f%d", i, j), s3test.Bytes([]byte("x")))
		}
	}
	storm := func() error {
		for i := range dirs {
			dir := filepath.Join(s.mnt, "w", fmt.Sprintf("%03d", i))
			for _, name := range gitLooksFor {
				if _, err := os.Lstat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
					return fmt.Errorf("%s/%s: %w", dir, name, err)
				}
			}
			for j := range files {
				if _, err := os.Lstat(filepath.Join(dir, fmt.Sprintf("f%d", j))); err != nil {
					return err
				}
			}
		}
		return nil
	}
	d := s.mount(unheardOf...)
	// One HEAD and some LISTs: a page of keys tells of the names in 200 directories.
	s.costs(t, "13 stats in each of 300 directories, nothing known", cost{3, 10, 0}, storm)
	s.costs(t, "again", cost{}, storm)

	d.unmount()

	s = s.fresh(t)
	s.mount(unheardOf...)
	// As a find costs: two pages of keys, and the first directories by themselves.
	s.costs(t, "find over them, on a cold mount", cost{1, 7, 0}, func() error { _, err := walkAll(filepath.Join(s.mnt, "w")); return err })
	s.costs(t, "13 stats in each of the 300, listed", cost{}, storm)
}

// TestRequestsOfGit: git status itself, in a work tree of 100 files that a bucket holds.
func TestRequestsOfGit(t *testing.T) {
	s := newStand(t)
	src, git := s.source("src"), tool(t, "git", "git")
	for i := range 100 {
		dir := filepath.Join(src, fmt.Sprint("d", i%10))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, fmt.Sprint("f", i)), fmt.Append(nil, "text ", i))
	}
	program(t, git, "-C", src, "init", "-q", "-b", "main")
	program(t, git, "-C", src, "add", ".")
	program(t, git, "-C", src, "commit", "-q", "-m", "one")
	s.upload(src)
	s.mount(append(unheardOf, "--prefetch-files", "off")...)
	status := func() error {
		if out := program(t, git, "--no-optional-locks", "-C", s.mnt, "status", "--porcelain"); out != "" {
			return errors.New(out)
		}
		return nil
	}
	// The index has other inodes and times than the mount, so that git reads each file,
	// and the files of its own that it needs. A directory of the 10, of those of objects
	// that it reads and of some others costs a HEAD and a LIST at most.
	s.costs(t, "git status of 100 files in 10 directories, nothing known", cost{30, 35, 100 + 25}, status)
	s.costs(t, "git status again", cost{}, status)
}

// walkAll lists and stats all below dir, and returns the files.
func walkAll(dir string) (files []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			_, err = d.Info()
			files = append(files, path)
		}
		return err
	})
	return files, err
}

// TestRequestsOfSpark: what Spark and Hadoop's committers do with a partitioned table:
// they list it partition by partition, look for marks of jobs at each level, and read
// the footers of its files.
func TestRequestsOfSpark(t *testing.T) {
	const parts, files = 60, 20
	s := newStand(t)
	for i := range parts {
		for j := range files {
			s.put(fmt.Sprintf("table/day=%02d/part-%05d.parquet", i, j), 3000)
		}
	}
	s.mount(append(unheardOf, "--prefetch-files", "off")...)
	table := filepath.Join(s.mnt, "table")
	var found []string
	// The table's own HEAD and LIST, the listings of the root and of two partitions, by
	// which the walk is recognised, and two pages ahead, which the reader may overtake by one.
	s.costs(t, "partition discovery: 60 partitions of 20 files", cost{1, 7, 0}, func() (err error) {
		found, err = walkAll(table)
		if len(found) != parts*files {
			return fmt.Errorf("%d files: %w", len(found), err)
		}
		return err
	})
	s.costs(t, "_SUCCESS, _temporary, _metadata and more, at both levels", cost{}, func() error {
		for i := -1; i < parts; i++ {
			dir := table
			if i >= 0 {
				dir = filepath.Join(table, fmt.Sprintf("day=%02d", i))
			}
			for _, name := range []string{"_SUCCESS", "_temporary", "_metadata", "_common_metadata", "_spark_metadata", "_delta_log"} {
				if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
					return fmt.Errorf("%s/%s: %w", dir, name, err)
				}
			}
		}
		return nil
	})
	footers := func() error {
		for _, path := range found {
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			// Its length first, then itself.
			for _, n := range []int64{8, 500} {
				if _, err := f.ReadAt(make([]byte, n), 3000-n); err != nil {
					f.Close()
					return err
				}
			}
			f.Close()
		}
		return nil
	}
	s.costs(t, "open and footer of all 1,200 files", cost{0, 0, parts * files}, footers)
	s.costs(t, "again", cost{}, footers)
}

// TestRequestsOfDuckDB: globs over a table with Hive's partitions, by DuckDB itself.
func TestRequestsOfDuckDB(t *testing.T) {
	bin, err := duckdb()
	if err != nil {
		t.Fatal(err)
	}
	const parts = 25
	s := newStand(t)
	src := s.source("src")
	program(t, bin, fmt.Sprintf(`copy (select i %% %d as p, i %% 2 as q, i as v from range(50000) r(i))
		to '%s' (format parquet, partition_by (p, q), overwrite_or_ignore)`, parts, src))
	s.upload(src)
	local, err := walkAll(src)
	if err != nil || len(local) < parts {
		t.Fatalf("%d files, %v", len(local), err)
	}
	files := len(local)
	s.mount(append(unheardOf, "--prefetch-files", "off")...)
	for _, tt := range []struct {
		query string
		most  cost
	}{
		// The root is listed by itself, the first partition's LIST tells of it, and from the
		// second on the keys come ahead. Each file is read once, wholly.
		{"select count(*), sum(v), count(distinct p) from read_parquet('%s/**/*.parquet', hive_partitioning=true)", cost{2, 8, files}},
		{"select sum(v) from read_parquet('%s/*/*/*.parquet', hive_partitioning=true) where p = 3", cost{}},
		{"select count(*) from glob('%s/p=*/q=1/*.parquet')", cost{}},
	} {
		want := program(t, bin, fmt.Sprintf(tt.query, src))
		s.costs(t, strings.SplitN(tt.query, "(", 2)[0], tt.most, func() error {
			if got := program(t, bin, fmt.Sprintf(tt.query, s.mnt)); got != want {
				return fmt.Errorf("%q, want %q", got, want)
			}
			return nil
		})
	}
}
