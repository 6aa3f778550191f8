package e2e_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// kernelStats is what a daemon logs at its end of what the kernel asked it for.
type kernelStats struct{ kernelOpens, daemonOpens, reads int }

var kernelStatsLine = regexp.MustCompile(`KernelOpens:(\d+) DaemonOpens:(\d+) Reads:(\d+)`)

// end unmounts and returns the daemon's counts.
func (d *daemon) end() kernelStats {
	d.t.Helper()
	if code := d.unmount(); code != 0 {
		d.t.Fatalf("unmount: exit code %d", code)
	}
	m := kernelStatsLine.FindStringSubmatch(d.log.String())
	if m == nil {
		d.t.Fatalf("no counts in the log:\n%s", tail(d.log.String(), 5))
	}
	var n [3]int
	for i := range n {
		n[i], _ = strconv.Atoi(m[i+1]) // digits only
	}
	return kernelStats{n[0], n[1], n[2]}
}

// cacheWhole reads the files until nothing of them is missing in the cache: the
// writers may have been too slow for the readers the first time.
func cacheWhole(t testing.TB, files ...file) {
	t.Helper()
	for _, f := range files {
		f.verify(t)
		eventually(t, f.key+" is wholly cached", func() bool {
			var buf [64]byte
			n, err := unix.Getxattr(f.path(), "user.zs3fs.cached", buf[:])
			if err != nil {
				t.Fatal(err)
			}
			present, total, _ := strings.Cut(strings.TrimSuffix(string(buf[:n]), " blocks"), "/")
			if present != total {
				f.dropPages(t)
				f.verify(t)
			}
			return present == total
		})
	}
}

// dropPages has the kernel forget what it keeps of f.
func (f file) dropPages(t testing.TB) {
	t.Helper()
	h := f.open(t, 0)
	defer h.Close()
	if err := unix.Fadvise(int(h.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		t.Fatal(err)
	}
}

// readEveryWay reads f in each of the ways that a program may.
func (f file) readEveryWay(t testing.TB) {
	t.Helper()
	f.readIn(t, "sequential", "random", "mmap", "direct", "splice", "backwards")
}

func (f file) readIn(t testing.TB, modes ...string) {
	t.Helper()
	for _, mode := range modes {
		if v := f.job(mode).must(t); v.SHA256 != f.sha256() {
			t.Errorf("%s of %s: sha256 %s, want %s", mode, f.key, v.SHA256, f.sha256())
		}
	}
}

// TestPassthrough reads wholly cached files after a restart in every way: no READ
// reaches the daemon, but for those with O_DIRECT, and no GET the server.
func TestPassthrough(t *testing.T) {
	s := newStand(t)
	files := []file{s.put("a", 9*mib+77), s.put("b", mib), s.put("c", 5), s.put("empty", 0)}
	d := s.mount()
	cacheWhole(t, files...)
	d.end()
	s.server.Reset()
	d = s.mount()
	for _, f := range files {
		f.readIn(t, "sequential", "random", "mmap", "splice", "backwards")
	}
	n := d.end()
	if n.reads != 0 || n.daemonOpens != 0 || n.kernelOpens != 5*3 {
		t.Errorf("of complete files: %+v", n)
	}
	s.mount()
	for _, f := range files {
		held := f.open(t, 0)
		f.readIn(t, "mmap", "direct")
		p := make([]byte, f.size)
		if n, err := f.open(t, unix.O_DIRECT).ReadAt(p[min(1, f.size):], min(1, f.size)); err != nil && err != io.EOF {
			t.Errorf("%s: unaligned with O_DIRECT: %d bytes, %v", f.key, n, err)
		} else if err := f.check(p[min(1, f.size):], 1); err != nil {
			t.Errorf("%s: unaligned with O_DIRECT: %v", f.key, err)
		}
		f.checkAll(t, held)
	}

	for _, f := range files {
		if gets := s.gets(f.key); gets > 0 {
			t.Errorf("%d GETs of %s", gets, f.key)
		}
	}
}

// TestPassthroughOff: without it the same files are read through the daemon, which
// says why.
func TestPassthroughOff(t *testing.T) {
	s := newStand(t)
	f := s.put("a", 3*mib+1)
	d := s.mount()
	cacheWhole(t, f)
	d.end()
	d = s.mount("--passthrough=false")
	f.readEveryWay(t)
	if n := d.end(); n.kernelOpens != 0 || n.reads == 0 {
		t.Errorf("%+v", n)
	}
	if log := d.log.String(); !strings.Contains(log, `reason="switched off"`) {
		t.Errorf("the log does not say why passthrough is off:\n%s", tail(log, 20))
	}
}

// TestPassthroughBegins: a file becomes complete under open handles. They go on as
// they are, those opened later are read by the kernel, and all are right; also
// while both are mapped.
func TestPassthroughBegins(t *testing.T) {
	t.Run("page cache", func(t *testing.T) { passthroughBegins(t, "--debug") })
	t.Run("direct_io", func(t *testing.T) { passthroughBegins(t, "--debug", "--direct-io") })
}

func passthroughBegins(t *testing.T, options ...string) {
	s := newStand(t)
	f := s.put("a", 6*mib+5)
	d := s.mount(options...)
	early := f.open(t, 0)
	direct := f.open(t, unix.O_DIRECT)
	mapped := f.job("mmap")
	cacheWhole(t, f)
	eventually(t, "a new handle is read by the kernel", func() bool {
		late := f.open(t, 0)
		defer late.Close()
		var was, is unix.Stat_t
		if err := unix.Fstat(int(early.Fd()), &was); err != nil {
			t.Fatal(err)
		}
		if err := unix.Fstat(int(late.Fd()), &is); err != nil {
			t.Fatal(err)
		}
		if was.Ino != is.Ino || was.Size != is.Size || was.Mtim != is.Mtim {
			t.Fatalf("stat differs: %+v, %+v", was, is)
		}
		before := d.reads()
		f.verify(t)
		return d.reads() == before
	})
	for range 3 {
		mapped.must(t)
		f.readEveryWay(t)
		for _, h := range []*os.File{early, direct} {
			f.checkAll(t, h)
		}
	}
	early.Close()
	direct.Close()
	if n := d.end(); n.kernelOpens == 0 || n.daemonOpens == 0 {
		t.Errorf("%+v", n)
	}
}

// reads is how many READ requests a daemon with --debug has got.
func (d *daemon) reads() int { return strings.Count(d.log.String(), ": READ n") }

// checkAll reads an open file whole in pieces that suit O_DIRECT.
func (f file) checkAll(t testing.TB, h *os.File) {
	t.Helper()
	p, err := unix.Mmap(-1, 0, 256*kib, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(p)
	for off := int64(0); off < f.size; off += int64(len(p)) {
		n, err := pread(h, p, off)
		if want := min(int64(len(p)), f.size-off); err != nil || int64(n) != want {
			t.Fatalf("read at %d: %d bytes, %v", off, n, err)
		}
		if err := f.check(p[:n], off); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPassthroughOverwrite: a handle that the kernel reads stays on its version when
// the object is replaced.
func TestPassthroughOverwrite(t *testing.T) {
	s := newStand(t)
	v1 := s.put("a", 3*mib+5)
	d := s.mount("--metadata-ttl", "1s")
	cacheWhole(t, v1)
	d.end()
	d = s.mount("--consistency", "open")
	old := v1.open(t, 0)
	v2 := s.overwrite(v1, 2*mib)
	v2.verify(t)
	v1.checkAll(t, old)
	cacheWhole(t, v2)
	v1.checkAll(t, old)
	old.Close()
	if n := d.end(); n.kernelOpens == 0 {
		t.Errorf("%+v", n)
	}
}

// TestPassthroughEviction: what the kernel reads is not evicted by holes, and the
// budget holds. Other files are read far beyond it meanwhile.
func TestPassthroughEviction(t *testing.T) {
	s := newStand(t)
	kept := s.put("kept", 6*mib)
	d := s.mount("--cache-size", "16MiB")
	cacheWhole(t, kept)
	d.end()
	d = s.mount("--cache-size", "16MiB")
	open := kept.open(t, 0)
	kept.checkAll(t, open)
	for i := range 12 {
		s.put(fmt.Sprintf("other%d", i), 4*mib).verify(t)
		kept.checkAll(t, open)
	}
	// Its name may be gone, its bytes are not.
	kept.readEveryWay(t)
	open.Close()
	if n := d.end(); n.kernelOpens == 0 {
		t.Errorf("%+v", n)
	}
	if on := walkCache(t, s.cache, true); on.bytes > 16*mib {
		t.Errorf("%d bytes on disk", on.bytes)
	}
}

// TestPassthroughDamage changes, cuts, removes and replaces the cached file while it
// is in use: each later open is right.
func TestPassthroughDamage(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for name, damage := range map[string]func(path string, size int64) error{
		"flipped": func(path string, size int64) error { return flip(path, size, r) },
		"cut":     func(path string, size int64) error { return os.Truncate(path, size/2) },
		"zeroed":  func(path string, size int64) error { return errors.Join(os.Truncate(path, 0), os.Truncate(path, size)) },
		"removed": func(path string, _ int64) error { return os.Remove(path) },
		"other file": func(path string, size int64) error {
			return errors.Join(os.Remove(path), os.WriteFile(path, make([]byte, size), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t)
			f := s.put("a", 3*mib+5)
			s.mount()
			cacheWhole(t, f)
			for range 2 { // while mounted, and while a handle is open
				f.verify(t)
				for _, path := range s.cachedFiles(t) {
					if err := damage(path, f.size); err != nil {
						t.Fatal(err)
					}
				}
				f.readEveryWay(t)
				cacheWhole(t, f)
				f.open(t, 0)
			}
		})
	}
}

// cachedFiles are the objects' data in the cache.
func (s *stand) cachedFiles(t testing.TB) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(s.cache, "*", "objects", "??", "*"))
	if err != nil {
		t.Fatal(err)
	}
	var data []string
	for _, path := range found {
		if !strings.HasSuffix(path, ".map") {
			data = append(data, path)
		}
	}
	return data
}
