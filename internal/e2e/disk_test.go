package e2e_test

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// diskTroubles are what may become of the cache's disk.
var diskTroubles = []struct {
	name     string // begins with its row of docs/faults.md
	troubles map[string]trouble
}{
	{"F45 full", each(trouble{Errno: unix.ENOSPC}, "write", "create", "mkdir")},
	{"F46 over quota", each(trouble{Errno: unix.EDQUOT}, "write", "create", "mkdir")},
	{"F47 reads fail", each(trouble{Errno: unix.EIO}, "read")},
	{"F48 writes fail", each(trouble{Errno: unix.EIO}, "write", "fsync", "fallocate")},
	{"F48 directories fail", each(trouble{Errno: unix.EIO}, "lookup", "create", "mkdir", "rename", "unlink", "readdir", "statfs")},
	{"F48 all fails", each(trouble{Errno: unix.EIO}, "*")},
	{"F49 reads hang", each(trouble{Hang: true}, "read")},
	{"F49 writes hang", each(trouble{Hang: true}, "write")},
	{"F49 all hangs", each(trouble{Hang: true}, "*")},
	{"F49 all is slow", each(trouble{Delay: 10 * time.Millisecond}, "*")},
	{"F56 read-only", each(trouble{Errno: unix.EROFS}, "write", "create", "mkdir", "rename", "unlink", "setattr", "fallocate")},
}

// TestCacheDiskFailsAndComesBack is one mount whose cache's disk fails in one way
// after the other, under readers. None of them ever sees a wrong byte or an error;
// once the disk works again, what is read is kept again, without anybody's help.
func TestCacheDiskFailsAndComesBack(t *testing.T) {
	s := newStand(t)
	disk := s.onFaultyDisk(t)
	var files []file
	for i := range 6 {
		files = append(files, s.put(fmt.Sprintf("f%d", i), int64(i)*4*mib+1)) // more than fits into the memory
	}
	options := []string{"--block-size", "64KiB", "--log-level", "info", "--cache-size", "4GiB", "--memory-limit", "32MiB"}
	d := s.mount(options...)
	for _, f := range files {
		f.verify(t)
	}
	r := rand.New(rand.NewPCG(1, 1))
	readers := s.load(t, files, r)
	for round := range soak(t, 1) {
		for _, i := range r.Perm(len(diskTroubles)) {
			tt := diskTroubles[i]
			t.Run(tt.name, func(t *testing.T) {
				began := time.Now()
				disk.meet(tt.troubles)
				for k := range 2 {
					s.put(fmt.Sprintf("cold-%d-%d-%d", round, i, k), 900*kib+int64(k)).verify(t)
				}
				for _, f := range files {
					if v := f.job("direct").must(t); v.SHA256 != f.sha256() {
						t.Errorf("sha256 of %s %s, want %s", f.key, v.SHA256, f.sha256())
					}
				}
				in := time.Since(began)
				if disk.meet(nil) == 0 {
					t.Error("nothing met the trouble")
				}
				s.keepsAgain(t, disk.place.Dir, fmt.Sprintf("again-%d-%d", round, i))
				t.Logf("reading in trouble took %v, caching resumed after %v more", in, time.Since(began)-in)
			})
		}
	}
	for _, reader := range readers {
		reader.stop(t)
	}
	if code := d.unmount(); code != 0 {
		t.Errorf("unmount: exit code %d", code)
	}
	d = s.mount(options...)
	last := s.put("last", 3*mib)
	last.verify(t)
	for _, f := range files {
		f.verify(t)
	}
	if code := d.unmount(); code != 0 {
		t.Errorf("unmount: exit code %d", code)
	}
	// Not before these reads: a disk that takes no writes keeps the map entries of
	// blocks that were freed to make room on it, until they are met as damaged.
	walkCache(t, filepath.Join(disk.place.Dir, "cache"), false)
}

// keepsAgain reads new objects, one a second, until one of them lies below dir whole.
func (s *stand) keepsAgain(t *testing.T, dir, name string) {
	t.Helper()
	const size = 640 * kib
	var tries int
	var asked time.Time
	var before int64
	eventually(t, "what is read is kept again", func() bool {
		if time.Since(asked) > time.Second {
			tries++
			before = used(t, dir)
			s.put(fmt.Sprintf("%s-%d", name, tries), size).verify(t)
			asked = time.Now()
		}
		return used(t, dir) >= before+size
	})
}

// used is what the cache's objects below dir take on the disk.
func used(t testing.TB, dir string) (sum int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || !strings.Contains(path, "/objects/") || strings.HasSuffix(path, ".map") {
			return nil // the daemon may have removed it
		}
		if st, err := e.Info(); err == nil {
			sum += st.Sys().(*syscall.Stat_t).Blocks * 512
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}
