package prefetch

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// sequenceStory tells a sequence of opens of the files of a table, and keeps what it wants
// ahead.
type sequenceStory struct {
	*sequence
	files          []string
	limit          int
	useful, wasted int
	most           int
}

func (s *sequenceStory) following(path string) (next []NextFile) {
	i, found := slices.BinarySearch(s.files, path)
	if found {
		i++
	}
	for ; i < len(s.files) && len(next) < 2*maxPreviews; i++ {
		next = append(next, NextFile{Path: s.files[i]})
	}
	return next
}

// opened opens a file; it reports whether that was ahead.
func (s *sequenceStory) opened(path string) (ahead bool) {
	var now time.Time
	if s.sequence == nil || !s.expects(path) && s.sequence.opened(now, path) == nil {
		s.sequence = newSequence(now, path, s.following(path))
	} else {
		s.open(now, path, s.following(path))
	}
	if ahead = s.ahead[path] != nil; ahead {
		s.useful++
		delete(s.ahead, path)
	}
	for _, late := range s.late() {
		s.wasted++
		delete(s.ahead, late)
	}
	for s.ordered(1) && len(s.ahead) < s.window(s.limit) {
		next, ok := s.next(func(NextFile) bool { return true })
		if !ok {
			break
		}
		s.ahead[next.Path] = &preview{opens: s.opens}
	}
	s.most = max(s.most, len(s.ahead))
	return ahead
}

func newSequenceStory(limit int, files ...string) *sequenceStory {
	return &sequenceStory{files: files, limit: limit}
}

func tableFiles(n int) (files []string) {
	for i := range n {
		files = append(files, fmt.Sprintf("t/%04d", i))
	}
	return files
}

// TestSequence tells stories of one table: how many files were found ahead, and how many were
// ahead in vain.
func TestSequence(t *testing.T) {
	all := tableFiles(400)
	step := func(n int) (opens []string) {
		for i := 0; i < len(all); i += n {
			opens = append(opens, all[i])
		}
		return opens
	}
	var twice, swapped, backwards []string
	for i, path := range all {
		twice = append(twice, path, path)
		swapped = append(swapped, all[i^3])
		backwards = append(backwards, all[len(all)-1-i])
	}
	for _, c := range []struct {
		name           string
		opens          []string
		limit          int
		useful, wasted int // at least, at most
		most           int
	}{
		{"in order", all, 64, 397, 0, 16},
		{"each twice", twice, 64, 397, 0, 16},
		{"by four threads", swapped, 64, 388, 0, 16},
		{"limit 1", all, 1, 397, 0, 1},
		{"limit 5", all, 5, 397, 0, 5},
		{"limit 0", all, 0, 0, 0, 0},
		{"every second", step(2), 64, 0, 2, 2},
		{"every seventh", step(7), 64, 0, 2, 2},
		{"every ninth", step(9), 64, 0, 0, 0},
		{"backwards", backwards, 64, 0, 0, 0},
		{"one again and again", slices.Repeat(all[:1], 100), 64, 0, 0, 0},
		{"two again and again", slices.Repeat(all[:2], 100), 64, 0, 2, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSequenceStory(c.limit, all...)
			for _, path := range c.opens {
				s.opened(path)
			}
			if s.useful < c.useful || s.wasted > c.wasted || s.most > c.most || len(s.ahead) > c.most {
				t.Errorf("%d useful, at least %d; %d wasted, at most %d; %d ahead at once, at most %d",
					s.useful, c.useful, s.wasted, c.wasted, s.most, c.most)
			}
		})
	}
}

// TestSequenceLeavesOff: who read every second file is followed again once he reads all.
func TestSequenceLeavesOff(t *testing.T) {
	all := tableFiles(400)
	s := newSequenceStory(64, all...)
	for i := 0; i < 200; i += 2 {
		s.opened(all[i])
	}
	s.useful = 0
	for _, path := range all[199:] {
		s.opened(path)
	}
	if s.useful < 150 {
		t.Errorf("%d of 200 were ahead", s.useful)
	}
}

// TestSequenceDirectories: files of the next directory are another table's until the reader went
// there.
func TestSequenceDirectories(t *testing.T) {
	var all []string
	for d := range 6 {
		for i := range 5 {
			all = append(all, fmt.Sprintf("t/d=%d/%d", d, i))
		}
	}
	s := newSequenceStory(64, all...)
	var waits []string
	for i, path := range all {
		if !s.opened(path) {
			waits = append(waits, path)
		}
		for p := range s.ahead {
			if i < 5 && !strings.HasPrefix(p, "t/d=0/") {
				t.Errorf("%q is ahead of %q", p, path)
			}
		}
	}
	if want := []string{"t/d=0/0", "t/d=0/1", "t/d=1/0"}; !slices.Equal(waits, want) {
		t.Errorf("%q were not ahead, but for %q all should be", waits, want)
	}
}

// TestSequenceOddPaths: a path may be empty, or without a directory, and nothing may follow.
func TestSequenceOddPaths(t *testing.T) {
	s := newSequenceStory(64)
	for _, path := range []string{"", "a", "/", "", "a/b", "a"} {
		s.opened(path)
	}
	if len(s.ahead) != 0 {
		t.Errorf("%v", s.ahead)
	}
	s = newSequenceStory(64, "", "a", "b", "c")
	for _, path := range s.files {
		s.opened(path)
	}
	if s.useful != 2 {
		t.Errorf("%d were ahead of files without a directory", s.useful)
	}
}
