package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// TestPartitionsAhead: who reads small files in directories side by side, one or two in
// each, is fetched ahead of, and in random order is not.
func TestPartitionsAhead(t *testing.T) {
	const days = 80
	for _, c := range []struct {
		name   string
		each   int
		random bool
		// Files that may be waited for, and fetched in vain.
		waits, vain int64
	}{
		{"one file", 1, false, 8, 0},
		{"two files", 2, false, 8, 0},
		{"random order", 1, true, days, 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStandWith(t, s3test.ServerConfig{Latency: 20 * time.Millisecond})
			var files []file
			for day := range days {
				for i := range c.each {
					files = append(files, s.put(fmt.Sprintf("table/dt=%03d/part-%d", day, i), 64*kib+int64(day)))
				}
			}
			for i := range 5 { // another table behind it
				s.put(fmt.Sprintf("tables/dt=%03d/part-0", i), 64*kib)
			}
			s.mount()
			if out, err := exec.Command("find", s.mnt).CombinedOutput(); err != nil { // as a glob does
				t.Fatalf("%v: %s", err, out)
			}
			if c.random {
				rand.New(rand.NewPCG(1, 2)).Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
			}
			for i, f := range files {
				p, err := os.ReadFile(f.path())
				if err == nil && int64(len(p)) != f.size {
					err = fmt.Errorf("%d bytes, want %d", len(p), f.size)
				}
				if err == nil {
					err = f.check(p, 0)
				}
				if err != nil {
					t.Fatalf("%s: %v", f.key, err)
				}
				if c.random && i == len(files)/4 {
					break // the more were read, the fewer can be guessed in vain
				}
			}
			v := s.values()
			n := int64(len(files))
			t.Logf("of %d files %d guessed, %d useful, %d wasted, %d ahead, %d GETs", n, v["files_guessed_total"],
				v["files_useful_total"], v["files_wasted_total"], v["files_ahead"], s.totalGets())
			if v["files_useful_total"] < n-c.waits {
				t.Errorf("%d of %d files were fetched ahead", v["files_useful_total"], n)
			}
			if vain := v["files_guessed_total"] - v["files_useful_total"]; vain > c.vain {
				t.Errorf("%d files were fetched in vain", vain)
			}
			if gets := int64(s.totalGets()); !c.random && gets != n {
				t.Errorf("%d GETs for %d files", gets, n)
			}
		})
	}
}

// TestPartitionsAheadTwice: a table that is read once more, when the cache has lost it, is
// fetched ahead of as before.
func TestPartitionsAheadTwice(t *testing.T) {
	const days = 100 // more than are remembered
	s := newStandWith(t, s3test.ServerConfig{Latency: 20 * time.Millisecond})
	var files []file
	for day := range days {
		files = append(files, s.put(fmt.Sprintf("table/dt=%03d/part-0", day), 64*kib))
	}
	s.mount("--cache-size", "0", "--memory-limit", "8MiB")
	other := s.put("other", 16*mib)
	for range 2 {
		if _, err := filepath.Glob(filepath.Join(s.mnt, "table", "*", "*")); err != nil {
			t.Fatal(err)
		}
		before := s.values()
		for _, f := range files {
			if p, err := os.ReadFile(f.path()); err != nil || f.check(p, 0) != nil {
				t.Fatalf("%s: %v, %v", f.key, err, f.check(p, 0))
			}
		}
		after := s.values()
		if useful := after["files_useful_total"] - before["files_useful_total"]; useful < days-8 {
			t.Errorf("%d of %d files were fetched ahead", useful, days)
		}
		if p, err := os.ReadFile(other.path()); err != nil || other.check(p, 0) != nil {
			t.Fatal(err)
		}
	}
}

// TestPartitionsAheadOfLargerOne: a partition of more files among others is followed by itself,
// and none of its files is fetched for those before it, whose reader never tells of it.
func TestPartitionsAheadOfLargerOne(t *testing.T) {
	const days, larger, each = 40, 20, 40
	s := newStandWith(t, s3test.ServerConfig{Latency: 20 * time.Millisecond})
	var files []file
	for day := range days {
		n := 1
		if day == larger {
			n = each
		}
		for i := range n {
			files = append(files, s.put(fmt.Sprintf("table/dt=%03d/part-%02d", day, i), 64*kib+int64(day)))
		}
	}
	s.mount()
	if out, err := exec.Command("find", s.mnt).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, f := range files {
		if p, err := os.ReadFile(f.path()); err != nil || f.check(p, 0) != nil {
			t.Fatalf("%s: %v, %v", f.key, err, f.check(p, 0))
		}
	}
	v, n := s.values(), int64(len(files))
	if v["files_useful_total"] < n-12 || v["files_guessed_total"] != v["files_useful_total"] || int64(s.totalGets()) != n {
		t.Errorf("of %d files %d guessed, %d useful, %d wasted, %d ahead, %d GETs", n, v["files_guessed_total"],
			v["files_useful_total"], v["files_wasted_total"], v["files_ahead"], s.totalGets())
	}
}
