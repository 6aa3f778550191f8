package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// TestLargeFilesAhead: the beginning of the next large file is fetched ahead of who reads
// one after another to its end, in a directory or over several, and of nobody else but cp.
func TestLargeFilesAhead(t *testing.T) {
	const n, size = 20, 9*mib + 12345
	for _, c := range []struct {
		name, script string
		useful       int64
		vain         int64 // blocks
	}{
		{"cat", `cat "$1"/d*/* > "$2"`, n - 3, 0},
		// In the order of inode numbers, which are hashes: that is looked for from the third open on.
		{"cp -r", `cp -r "$1"/d1 "$2".d && cat "$2".d/* > "$2"`, n/2 - 6, 0},
		{"cat of one directory", `cat "$1"/d1/* > "$2"`, n/2 - 2, 0},
		// The first two blocks of each, of which somebody might have read on.
		{"heads", `for f in "$1"/d*/*; do head -c 1000000 "$f"; done > "$2"`, 0, 2 * n},
		{"tails", `for f in "$1"/d*/*; do tail -c 1000000 "$f"; done > "$2"`, 0, 2 * n},
		{"stopped", `cat "$1"/d1/f00 "$1"/d1/f01 "$1"/d1/f02 > "$2"; head -c 4096 "$1"/d1/f03 >> "$2"`, 2, 64},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStandWith(t, s3test.ServerConfig{Latency: 20 * time.Millisecond})
			for i := range n {
				s.put(fmt.Sprintf("d%d/f%02d", 1+2*i/n, i%(n/2)), size)
			}
			s.mount()
			out := t.TempDir() + "/out"
			if text, err := exec.Command("sh", "-c", c.script, "sh", s.mnt, out).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, text)
			}
			st, err := os.Stat(out)
			if err != nil {
				t.Fatal(err)
			}
			eventually(t, "nothing is fetched any more", func() bool {
				v := s.values()
				return v["fetch_running"] == 0 && v["fetch_queued"] == 0
			})
			v := s.values()
			vain := v["source_fetched_bytes_total"] - st.Size()
			t.Logf("%d guessed, %d useful, %d wasted, %d bytes read, %d more fetched", v["files_guessed_total"],
				v["files_useful_total"], v["files_wasted_total"], st.Size(), vain)
			if v["files_useful_total"] < c.useful {
				t.Errorf("%d files were fetched ahead, want %d", v["files_useful_total"], c.useful)
			}
			if c.useful == 0 && v["files_guessed_total"] > 0 {
				t.Errorf("%d files were fetched ahead of who reads none to its end", v["files_guessed_total"])
			}
			if vain > c.vain*mib {
				t.Errorf("%d bytes were fetched in vain", vain)
			}
		})
	}
}
