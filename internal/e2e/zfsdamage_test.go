//go:build zfsvm

package e2e_test

import (
	"math/rand/v2"
	"os/exec"
	"slices"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// TestZFSChecksumErrors lets records rot on the disk, so that ZFS answers their
// reads with EIO: for the reader, a miss of just these blocks, and healed by it.
func TestZFSChecksumErrors(t *testing.T) {
	d := newPool(t).dataset("cache")
	s := standOn(d)
	f, g := s.put("f", 12*mib), s.put("g", 6*mib+777)
	m := s.mount()
	for _, f := range []file{f, g} {
		f.verify(t)
	}
	if code := m.unmount(); code != 0 {
		t.Fatalf("unmount: exit code %d", code)
	}
	data, entries, device := d.records(f.cached(t)), d.records(g.cached(t)+".map"), d.device()
	d.export()
	r := rand.New(rand.NewPCG(1, 1))
	damaged := []record{data[0], data[6], data[7], data[11]}
	rot(t, device, r, slices.Concat(damaged, entries)...)
	d.reimport()

	s.server.Reset()
	s.mount("--passthrough=false") // the kernel would hand the errors on
	for _, f := range []file{f, g} {
		f.verify(t)
	}
	if d.vdev("checksum_errors") < int64(len(damaged)) {
		t.Error("ZFS has not met the damage")
	}
	for _, rec := range data {
		if n := len(f.requests(rec.offset)); (n > 0) != slices.Contains(damaged, rec) {
			t.Errorf("%d GETs of the block at %d", n, rec.offset)
		}
	}
	s.healed(t, f, g)
}

// TestZFSRotUnderPassthrough: records rot below a file that the kernel reads
// without the daemon, which hands the error on. The daemon sees the pool's counts
// grow, reads the file itself again, and fetches what is damaged.
func TestZFSRotUnderPassthrough(t *testing.T) {
	d := newPool(t).dataset("cache")
	s := standOn(d)
	f := s.put("f", 12*mib)
	m := s.mount()
	cacheWhole(t, f)
	if code := m.unmount(); code != 0 {
		t.Fatalf("unmount: exit code %d", code)
	}
	data, device := d.records(f.cached(t)), d.device()
	d.export()
	rot(t, device, rand.New(rand.NewPCG(1, 1)), data[3], data[9])
	d.reimport()

	s.server.Reset()
	s.mount()
	if v := f.job("sequential").run(t); v.Errno != unix.EIO {
		t.Errorf("the kernel read a damaged file: %+v", v)
	}
	eventually(t, "the file is read by the daemon again", func() bool { return f.job("sequential").run(t).Error == "" })
	for _, rec := range data {
		if n := len(f.requests(rec.offset)); (n > 0) != (rec == data[3] || rec == data[9]) {
			t.Errorf("%d GETs of the block at %d", n, rec.offset)
		}
	}
	s.healed(t, f)
}

// healed wants the files to be cached wholly and right again, by and by.
func (s *stand) healed(t *testing.T, files ...file) {
	t.Helper()
	for _, f := range files {
		eventually(t, f.key+" is read without a GET", func() bool {
			s.server.Reset()
			j := f.job("direct") // past the page cache
			j.Chunk = mib
			j.must(t)
			return s.gets(f.key) == 0
		})
	}
}

// TestZFSInjectedErrors has ZFS's own injector answer reads of the cached file with
// checksum and I/O errors, for as long as it is told to.
func TestZFSInjectedErrors(t *testing.T) {
	if _, err := exec.LookPath("zinject"); err != nil {
		t.Fatalf("%v: Debian ships it apart, in zfs-test; scripts/zfs-vm/zinject fetches it", err)
	}
	d := newPool(t).dataset("cache")
	s := standOn(d)
	f := s.put("f", 24*mib)
	s.mount()
	f.verify(t)
	for _, kind := range []string{"checksum", "io"} {
		for _, percent := range []int{100, 30} {
			s.healed(t, f)
			d.sync()
			must(t, "zinject", "-a", "-t", "data", "-e", kind, "-f", strconv.Itoa(percent), f.cached(t))
			j := f.job("direct")
			j.must(t)
			must(t, "zinject", "-c", "all")
		}
	}
	s.healed(t, f)
}
