package main

import (
	"path/filepath"
	"time"
)

// walkPatterns are of names. Real programs walk: they decide what is asked of a mount.
func walkPatterns() []pattern {
	all := []pattern{
		{name: "list-flat", what: "ls -l of 20,000 files in one directory", walk: &walk{args: under(flatDir, "ls", "-l"), lines: 20_000 + 1}},
		{name: "list-tree", what: "find -size +0 in 100 directories of 200 files", walk: &walk{args: finding(treeDir), lines: 20_000}},
		{name: "stat-in-order", what: "stat of 1,000 files of 5 directories, in the listing's order", walk: stating(treeFiles(1000))},
		{name: "stat-random", what: "stat of 1,000 files of 100 directories, in random order", walk: stating(strayFiles(1000))},
		{name: "walk-stops", what: "find that ends before the fourth directory of 100", only: []string{zs3fsName}, walk: stopping()},
		{name: "walk-stops-off", what: "the same with --list-ahead=off", only: []string{zs3fsName}, options: "list_ahead=off", walk: stopping()},
	}
	// Of ls -R: a name, a first line or two and an empty line a directory.
	const dirs = 1 + 10 + 100 + 1000 + 10_000
	for _, m := range []struct {
		name, what, dir string
		args            func(mnt string) []string
		lines           int
		inodes          bool
	}{
		{"million-flat-ls-f", "ls -f of 1,000,000 files in one directory", flatMillion, under(flatMillion, "ls", "-f"), million + 2, false},
		{"million-flat-ls-l", "ls -l of them", flatMillion, under(flatMillion, "ls", "-l"), million + 1, true},
		{"million-flat-find", "find -size +0 of them", flatMillion, finding(flatMillion), million, true},
		{"million-tree-ls-f", "ls -f -R of 1,000,000 files 5 directories deep", treeMillion, under(treeMillion, "ls", "-f", "-R"), million + dirs*5 - 2, false},
		{"million-tree-ls-l", "ls -l -R of them", treeMillion, under(treeMillion, "ls", "-l", "-R"), million + dirs*4 - 2, true},
		{"million-tree-find", "find -size +0 of them", treeMillion, finding(treeMillion), million, true},
	} {
		all = append(all, pattern{name: m.name, what: m.what, once: true, only: []string{zs3fsName}, options: "metadata_ttl=10m",
			walk: &walk{args: m.args, lines: m.lines, bare: m.dir, again: true, inodes: m.inodes}})
	}
	for i := range all {
		all[i].latency = true
	}
	return all
}

// under runs a program on a directory of the mount.
func under(dir string, program ...string) func(string) []string {
	return func(mnt string) []string { return append(program[:len(program):len(program)], filepath.Join(mnt, dir)) }
}

func finding(dir string) func(string) []string {
	return func(mnt string) []string {
		return []string{"find", filepath.Join(mnt, dir), "-size", "+0", "-type", "f"}
	}
}

func stating(keys []string) *walk {
	return &walk{lines: len(keys), args: func(mnt string) []string {
		args := []string{"stat", "-c", "%s"}
		for _, key := range keys {
			args = append(args, filepath.Join(mnt, key))
		}
		return args
	}}
}

// stopping ends like a program that has found what it was looking for.
func stopping() *walk {
	return &walk{lines: 600, args: func(mnt string) []string {
		return []string{"find", filepath.Join(mnt, treeDir), "-name", "d003", "-quit", "-o", "-size", "+0", "-type", "f", "-print"}
	}}
}

// settled returns the counts when nothing has been asked for during 100 ms: what is
// asked for ahead of a walk goes on after it.
func (s *server) settled() (Counts, error) {
	last, err := s.counts()
	for range 50 {
		time.Sleep(100 * time.Millisecond)
		c, err := s.counts()
		if err != nil || c.requests() == last.requests() {
			return c, err
		}
		last = c
	}
	return last, err
}
