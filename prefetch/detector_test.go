package prefetch

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/zs3fs/zs3fs/prefetch/parquet"
)

var update = flag.Bool("update", false, "rewrite testdata with what the detector says")

// story runs a script against a detector with blocks of 1 KiB.
type story struct {
	d    detector
	open map[string]*handle
	h    string // who reads
	one  bool   // a read has ended when the next begins
	now  time.Time
	room int64
	last plan
}

// TestDetectorScripts holds the detector to testdata/*.txt. A line is a command
// and, after "->", what must come of it, in inclusive runs of blocks: what is
// fetched together if a block of the read is missing, what is fetched ahead, and
// which guesses are dropped.
func TestDetectorScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			script, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			s := story{h: "1", now: time.Unix(0, 0), room: 1 << 40}
			for lines := bufio.NewScanner(bytes.NewReader(script)); lines.Scan(); {
				got.WriteString(s.line(t, lines.Text()) + "\n")
			}
			if *update {
				if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want := strings.Split(string(script), "\n")
			for i, line := range strings.Split(got.String(), "\n") {
				if line != want[i] {
					t.Errorf("line %d:\n got %s\nwant %s", i+1, line, want[i])
				}
			}
		})
	}
}

func (s *story) line(t *testing.T, line string) string {
	t.Helper()
	command, _, _ := strings.Cut(line, "->")
	command = strings.TrimRight(command, " ")
	f := strings.Fields(command)
	if len(f) == 0 || f[0] == "#" {
		return line
	}
	switch f[0] {
	case "object": // object SIZE window SIZE [stride SIZE]
		stride := int64(0)
		if len(f) > 5 {
			stride = size(t, f[5])
		}
		s.d = detector{limits: newLimits(size(t, f[1]), 1024, 8*1024, size(t, f[3]), stride)}
		s.open, s.one = map[string]*handle{}, false
	case "chunks": // chunks COLUMNS OFFSET...: where each begins, and the last one ends
		columns, chunks := int(size(t, f[1])), []parquet.Chunk(nil)
		for i := range len(f) - 3 {
			chunks = append(chunks, parquet.Chunk{
				Off: size(t, f[i+2]), End: size(t, f[i+3]),
				Group: int32(i / columns), Column: int32(i % columns),
			})
		}
		s.d.columns.learn(s.d.limits, parquet.Footer{Chunks: chunks})
	case "handle": // handle NAME
		s.h = f[1]
	case "read": // read OFFSET LENGTH
		s.now = s.now.Add(time.Millisecond)
		if !s.one {
			s.handle().overlaps++
		}
		p := s.d.read(s.now, s.handle(), size(t, f[1]), size(t, f[2]), func() int64 { return s.room })
		s.last = p
		return fmt.Sprintf("%-20s -> %s", command, p)
	case "one": // one by one
		s.one = true
	case "others": // others N: streams of other versions
		s.d.others = int(size(t, f[1]))
	case "wait":
		d, err := time.ParseDuration(f[1])
		if err != nil {
			t.Fatal(err)
		}
		s.now = s.now.Add(d)
	case "room":
		s.room = size(t, f[1]) / 1024
	case "stall":
		s.d.stalled(s.last)
	case "fail":
		s.d.pause()
	case "recover":
		s.d.resume()
	case "close":
		drop := s.d.close(s.handle())
		delete(s.open, s.h)
		return fmt.Sprintf("%-20s -> %s", command, plan{drop: drop})
	default:
		t.Fatalf("unknown command %q", command)
	}
	return command
}

func (s *story) handle() *handle {
	if s.open[s.h] == nil {
		s.open[s.h] = &handle{pages: true}
	}
	return s.open[s.h]
}

func (p plan) String() string {
	var parts []string
	add := func(word string, spans ...span) {
		for i, s := range spans {
			if i == 0 {
				parts = append(parts, word)
			}
			if s.n == 1 {
				parts = append(parts, strconv.FormatInt(s.first, 10))
			} else {
				parts = append(parts, fmt.Sprintf("%d-%d", s.first, s.end()-1))
			}
		}
	}
	if p.want.n > 0 {
		add("fetch", p.want)
	}
	if p.doubt {
		parts = append(parts, "in doubt")
	}
	add("ahead", p.ahead...)
	add("drop", p.drop...)
	return strings.Join(parts, " ")
}

// size reads "5", "5K" and "5M".
func size(t *testing.T, s string) int64 {
	t.Helper()
	unit := int64(1)
	switch s[len(s)-1] {
	case 'K':
		unit, s = 1<<10, s[:len(s)-1]
	case 'M':
		unit, s = 1<<20, s[:len(s)-1]
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n * unit
}
