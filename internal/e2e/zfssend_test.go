//go:build zfsvm

package e2e_test

import (
	"path/filepath"
	"testing"
)

// TestZFSSend sends a warm dataset to another pool, as if to another host: a mount
// with its cache there reads without a GET.
func TestZFSSend(t *testing.T) {
	d := newPool(t).dataset("cache")
	s := standOn(d)
	f, g := s.put("f", 8*mib+4321), s.put("g", 3*mib)
	m := s.mount()
	f.verify(t)
	// With the daemon at work, too, a snapshot is a cache as a power cut leaves it.
	must(t, "zfs", "snapshot", d.name+"@early")
	g.verify(t)
	if code := m.unmount(); code != 0 {
		t.Fatalf("unmount: exit code %d", code)
	}
	must(t, "zfs", "snapshot", d.name+"@warm")

	other := newPoolOn(t, "b", sparseFile(t, gib))
	there := &dataset{pool: other, name: other.name + "/cache", dir: filepath.Join(other.dir, "received")}
	// Without -L the stream has records of 128 KiB at most; -p takes the properties along.
	for _, send := range []string{d.name + "@early", "-i @early " + d.name + "@warm"} {
		must(t, "sh", "-c", "zfs send -L -p "+send+" | zfs receive -F -u -x mountpoint "+there.name)
	}
	there.set("mountpoint=" + there.dir) // which mounts it

	s.server.Reset()
	s.cache = filepath.Join(there.dir, "cache")
	s.mount()
	for _, f := range []file{f, g} {
		f.verify(t)
		if n := s.gets(f.key); n > 0 {
			t.Errorf("%s: %d GETs", f.key, n)
		}
		if err := there.checkRecords(f); err != nil {
			t.Error(err)
		}
	}
}
