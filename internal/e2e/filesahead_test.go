package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// values are those of zs3fs status.
func (s *stand) values() map[string]int64 {
	s.t.Helper()
	var status struct{ Values map[string]int64 }
	code, out := s.zs3fs("status", "--json", s.mnt)
	if err := json.Unmarshal([]byte(out), &status); code != 0 || err != nil {
		s.t.Fatalf("status: code %d, %v: %s", code, err, out)
	}
	return status.Values
}

// putMany makes n files of a size in dir.
func (s *stand) putMany(dir string, n int, size int64) []file {
	files := make([]file, n)
	for i := range files {
		files[i] = s.put(fmt.Sprintf("%s/f%04d", dir, i), size)
	}
	return files
}

// sha256sums has sha256sum read files in this order, after a listing of their
// directory, and compares what it says. It returns how long that took.
func (s *stand) sha256sums(files []file) time.Duration {
	s.t.Helper()
	dir := filepath.Dir(files[0].path())
	if _, err := os.ReadDir(dir); err != nil {
		s.t.Fatal(err)
	}
	args := make([]string, len(files))
	for i, f := range files {
		args[i] = f.path()
	}
	start := time.Now()
	out, err := exec.Command("sha256sum", args...).Output()
	took := time.Since(start)
	if err != nil {
		s.t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != len(files) {
		s.t.Fatalf("%d lines for %d files", len(lines), len(files))
	}
	for i, f := range files {
		if want := f.sha256() + "  " + f.path(); lines[i] != want {
			s.t.Errorf("got  %s\nwant %s", lines[i], want)
		}
	}
	return took
}

// totalGets returns the number of GETs but for those that were asked again, as when
// this machine is so busy that an answer is late.
func (s *stand) totalGets() int {
	v := s.values()
	gets := len(s.server.Requests(func(r s3test.Request) bool { return r.Op == s3test.OpGet }))
	return gets - int(v["source_gets_total"]-v["source_requests_total"])
}

// TestFilesAhead: programs that go through a directory are fetched ahead of, each
// file by one request, and nothing in vain.
func TestFilesAhead(t *testing.T) {
	const n = 200
	for _, c := range []struct {
		name    string
		options []string
	}{
		{"cached", nil},
		{"without a cache", []string{"--cache-size", "0"}},
		{"little memory", []string{"--memory-limit", "8MiB"}},
		{"asked at each open", []string{"--consistency", "open"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStandWith(t, s3test.ServerConfig{Latency: 20 * time.Millisecond})
			files := s.putMany("dir", n, 64*kib)
			s.mount(c.options...)
			took := s.sha256sums(files)
			v := s.values()
			t.Logf("%v: %d guessed, %d useful, %d wasted, %d GETs", took, v["files_guessed_total"],
				v["files_useful_total"], v["files_wasted_total"], s.totalGets())
			if gets := s.totalGets(); gets != n {
				t.Errorf("%d GETs for %d files", gets, n)
			}
			if v["files_guessed_total"] < n-10 || v["files_useful_total"] != v["files_guessed_total"] || v["files_wasted_total"] != 0 {
				t.Errorf("%d guessed, %d useful, %d wasted", v["files_guessed_total"], v["files_useful_total"], v["files_wasted_total"])
			}
			if v["files_ahead"] != 0 || v["files_ahead_bytes"] != 0 {
				t.Errorf("%d files, %d bytes are still ahead", v["files_ahead"], v["files_ahead_bytes"])
			}
		})
	}
}

// TestFilesAheadOff: --prefetch-files off.
func TestFilesAheadOff(t *testing.T) {
	s := newStand(t)
	files := s.putMany("dir", 20, 64*kib)
	s.mount("-o", "prefetch_files=off")
	s.sha256sums(files)
	if v := s.values(); v["files_guessed_total"] != 0 || v["fetch_guesses_total"] != 0 {
		t.Errorf("%d guessed, %d fetched ahead", v["files_guessed_total"], v["fetch_guesses_total"])
	}
}

// TestFilesAheadOf: programs that go through directories in an order of their own
// (tar and grep as they are listed, cp by inode numbers) read all that is in them,
// and pass over what is large.
func TestFilesAheadOf(t *testing.T) {
	const dirs, each = 3, 80
	for _, c := range []struct {
		name, script string
		useful       int64
	}{
		{"tar", `tar -C "$1" -cf - tree | tar -C "$2" -xf -`, dirs * (each - 15)},
		{"cp", `cp -r "$1/tree" "$2"`, dirs * (each - 20)},
		{"grep", `grep -rc nothing "$1/tree" > /dev/null; cp -r "$1/tree" "$2"`, dirs * (each - 15)},
		{"find", `cd "$1" && find tree -type f | while read -r f; do mkdir -p "$2/${f%/*}" && cat "$f" > "$2/$f"; done`, dirs * (each - 15)},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStandWith(t, s3test.ServerConfig{Latency: 5 * time.Millisecond})
			var files []file
			for d := range dirs {
				for i := range each {
					size := int64(1 + i*i%97*kib)
					if i%27 == 12 {
						size = 5 * mib
					}
					files = append(files, s.put(fmt.Sprintf("tree/d%d/f%02d", d, i), size))
				}
			}
			s.mount()
			out := t.TempDir()
			if text, err := exec.Command("sh", "-c", c.script, "sh", s.mnt, out).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, text)
			}
			for _, f := range files {
				p, err := os.ReadFile(filepath.Join(out, f.key))
				if err == nil && int64(len(p)) != f.size {
					err = fmt.Errorf("%d bytes, want %d", len(p), f.size)
				}
				if err == nil {
					err = f.check(p, 0)
				}
				if err != nil {
					t.Errorf("%s: %v", f.key, err)
				}
			}
			v := s.values()
			t.Logf("%d guessed, %d useful, %d wasted", v["files_guessed_total"], v["files_useful_total"], v["files_wasted_total"])
			if v["files_useful_total"] < c.useful || v["files_wasted_total"] > 3*dirs {
				t.Errorf("%d guessed, %d useful, %d wasted", v["files_guessed_total"], v["files_useful_total"], v["files_wasted_total"])
			}
		})
	}
}

// TestFilesAheadStopped: who stops after a few files has had few fetched in vain.
func TestFilesAheadStopped(t *testing.T) {
	for _, c := range []struct{ read, wasted int }{{2, 0}, {3, 1}, {10, 10}} {
		s := newStand(t)
		files := s.putMany("dir", 100, 64*kib)
		d := s.mount()
		s.sha256sums(files[:c.read])
		eventually(t, "nothing is fetched any more", func() bool {
			v := s.values()
			return v["fetch_running"] == 0 && v["fetch_queued"] == 0
		})
		if gets := s.totalGets(); gets > c.read+c.wasted {
			t.Errorf("%d GETs for %d files", gets, c.read)
		}
		if code := d.unmount(); code != 0 {
			t.Errorf("exit code %d", code)
		}
	}
}

// TestFilesAheadRandom: what is opened in any order is not fetched ahead.
func TestFilesAheadRandom(t *testing.T) {
	s := newStand(t)
	files := s.putMany("dir", 300, 16*kib)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
	s.mount()
	s.sha256sums(files)
	if v := s.values(); v["files_guessed_total"] > 3 {
		t.Errorf("%d guessed", v["files_guessed_total"])
	}
	if gets := s.totalGets(); gets != len(files) {
		t.Errorf("%d GETs for %d files", gets, len(files))
	}
}

// TestFilesAheadOverwritten: objects that are replaced after their directory was
// listed, before they are fetched ahead or after, are the listed version or ESTALE,
// as without guesses, and then the new one. A guess that meets it fails no other
// file's read, and does not end the walk.
func TestFilesAheadOverwritten(t *testing.T) {
	const n = 120
	s := newStandWith(t, s3test.ServerConfig{Latency: 5 * time.Millisecond})
	files := s.putMany("dir", n, 64*kib)
	s.mount("--metadata-ttl", "1h")
	if _, err := os.ReadDir(filepath.Dir(files[0].path())); err != nil {
		t.Fatal(err)
	}
	stale, old := 0, 0
	for i := range n {
		// Some too far to be ahead now, some that are or are about to be.
		for _, far := range []int{3, 70} {
			if i%10 == 0 && i+far < n {
				files[i+far] = s.overwrite(files[i+far], 64*kib+int64(far))
			}
		}
		f := files[i]
		p, err := os.ReadFile(f.path())
		if errors.Is(err, unix.ESTALE) && f.version > 1 {
			stale++
			p, err = os.ReadFile(f.path())
		}
		if err != nil {
			t.Fatalf("%s: %v", f.key, err)
		}
		if f.version > 1 && len(p) == 64*kib {
			old++ // cached before it was overwritten, and no older than the TTL
			f.version, f.size = 1, 64*kib
		}
		if int64(len(p)) != f.size {
			t.Errorf("%s: %d bytes, want %d", f.key, len(p), f.size)
		} else if err := f.check(p, 0); err != nil {
			t.Errorf("%s: %v", f.key, err)
		}
	}
	v := s.values()
	t.Logf("%d stale, %d old, %d guessed, %d useful, %d wasted, %d failed", stale, old,
		v["files_guessed_total"], v["files_useful_total"], v["files_wasted_total"], v["files_failed_total"])
	if v["files_failed_total"] == 0 {
		t.Errorf("no guess met a version that had gone")
	}
	if v["files_useful_total"] < n*8/10 {
		t.Errorf("of %d files %d were fetched ahead", n, v["files_useful_total"])
	}
}
