//go:build zfsvm

package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// record is a data block of a file as zdb finds it on the disk. A hole has none.
type record struct {
	offset int64 // in the file
	disk   int64 // where it lies on the vdev
	size   int64 // of its contents
	taken  int64 // on the disk, compressed
}

// A leaf of zdb's tree of a file's blocks:
//
//	100000  L0 0:16b000:100000 100000L/100000P F=1 B=10/10 cksum=...
var leaf = regexp.MustCompile(`(?m)^\s*([0-9a-f]+)\s+L0 0:([0-9a-f]+):[0-9a-f]+ ([0-9a-f]+)L/([0-9a-f]+)P`)

// labels is what precedes the space that zdb's addresses count from: two copies of
// the vdev's label and the boot block.
const labels = 4 * mib

// records returns the records of a file on the dataset, in their order.
func (d *dataset) records(path string) []record {
	d.t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		d.t.Fatal(err)
	}
	d.sync()
	inode := strconv.FormatUint(info.Sys().(*syscall.Stat_t).Ino, 10)
	out := must(d.t, "zdb", "-P", "-ddddd", "-e", "-p", d.devices(), d.name, inode)
	var all []record
	for _, m := range leaf.FindAllStringSubmatch(out, -1) {
		var n [4]int64
		for i := range n {
			if n[i], err = strconv.ParseInt(m[i+1], 16, 64); err != nil {
				d.t.Fatal(err)
			}
		}
		all = append(all, record{offset: n[0], disk: n[1] + labels, size: n[2], taken: n[3]})
	}
	return all
}

// vdev returns a counter of the pool's only vdev.
func (p *pool) vdev(property string) int64 {
	p.t.Helper()
	out := must(p.t, "zpool", "get", "-Hp", "-o", "value", property, p.name, p.device())
	n, err := strconv.ParseInt(out, 10, 64)
	if err != nil {
		p.t.Fatal(err)
	}
	return n
}

// device is the path of the vdev: on a whole disk, ZFS makes a partition.
func (p *pool) device() string {
	p.t.Helper()
	out := must(p.t, "zpool", "list", "-HPv", p.name)
	for field := range strings.FieldsSeq(out) {
		if strings.HasPrefix(field, p.disk) {
			return field
		}
	}
	p.t.Fatalf("no vdev in %q", out)
	return ""
}

// rot overwrites a few bytes of records on the disk of an exported pool.
func rot(t testing.TB, device string, r *rand.Rand, records ...record) {
	t.Helper()
	f, err := os.OpenFile(device, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, rec := range records {
		p := make([]byte, 1+r.IntN(100))
		off := rec.disk + r.Int64N(rec.taken-int64(len(p)))
		if _, err := f.ReadAt(p, off); err != nil {
			t.Fatal(err)
		}
		for i := range p {
			p[i] ^= byte(1 + r.IntN(255))
		}
		if _, err := f.WriteAt(p, off); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
}

// cached returns the path of the cache's copy of f, found by its size.
func (f file) cached(t testing.TB) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(f.s.cache, "*", "objects", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil && filepath.Ext(path) == "" && info.Size() == f.size {
			return path
		}
	}
	t.Fatalf("no file of %d bytes in %q", f.size, paths)
	return ""
}

// checkRecords wants the cache's copy to consist of whole records at the blocks'
// own places.
func (d *dataset) checkRecords(f file) error {
	all := d.records(f.cached(d.t))
	if want := (f.size + blockSize - 1) / blockSize; int64(len(all)) != want {
		return fmt.Errorf("%s has %d records, not %d: %v", f.key, len(all), want, all)
	}
	for i, rec := range all {
		if rec.offset != int64(i)*blockSize || rec.size != blockSize {
			return fmt.Errorf("%s: record %d is %+v", f.key, i, rec)
		}
	}
	return nil
}
