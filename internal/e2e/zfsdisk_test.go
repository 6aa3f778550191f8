//go:build zfsvm

package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// TestZFSDiskFails puts the pool on a disk that fails and hangs, so that ZFS faults
// its only device or suspends the pool. Readers that the daemon answers see nothing of
// it; what the kernel reads by itself shares the disk's fate, as a local file does.
// When the disk works again and the pool is cleared, the blocks are cached again.
func TestZFSDiskFails(t *testing.T) {
	s := newStand(t)
	disk := s.onFaultyDisk(t)
	vdev := filepath.Join(disk.place.Mnt, "vdev")
	if err := os.WriteFile(vdev, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(vdev, gib); err != nil {
		t.Fatal(err)
	}
	p := newPoolOn(t, "faulty", vdev)
	d := p.dataset("cache", "primarycache=metadata") // so that reads come from the disk
	s.cache = filepath.Join(d.dir, "cache")
	f := s.put("f", 6*mib)
	s.mount("--log-level", "info", "--passthrough=false")
	f.verify(t)
	for i, tt := range []struct {
		name, failmode string
		troubles       map[string]trouble
	}{
		{"reads fail", "continue", each(trouble{Errno: unix.EIO}, "read")},
		{"writes fail", "continue", each(trouble{Errno: unix.EIO}, "write", "fsync")},
		{"all fails", "continue", each(trouble{Errno: unix.EIO}, "*")},
		{"the pool is suspended", "wait", each(trouble{Errno: unix.EIO}, "*")},
		{"all hangs", "wait", each(trouble{Hang: true}, "*")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.healed(t, f)
			must(t, "zpool", "set", "failmode="+tt.failmode, p.name)
			disk.meet(tt.troubles)
			works := sync.OnceFunc(func() {
				disk.meet(nil)
				must(t, "zpool", "clear", p.name)
			})
			defer works() // a suspended pool holds up whatever cleans up
			f.readIn(t, "direct")
			cold := s.put(fmt.Sprintf("cold%d", i), 2*mib+int64(i))
			cold.verify(t)
			eventually(t, "ZFS has met the trouble", func() bool { return disk.meet(tt.troubles) > 0 })
			works()
			s.healed(t, f, cold)
		})
	}
}

// TestZFSExportUnderLoad: a pool in use cannot be taken away, and the attempts hurt
// nobody; once the daemon has ended, nothing holds it.
func TestZFSExportUnderLoad(t *testing.T) {
	d := newPool(t).dataset("cache")
	s := standOn(d)
	files := []file{s.put("f", 6*mib+1), s.put("g", 3*mib)}
	m := s.mount("--log-level", "info", "--cache-size", "8MiB")
	readers := s.load(t, files, rand.New(rand.NewPCG(1, 1)))
	for i := range 3 {
		if out, err := run("zpool", "export", "-f", d.pool.name); err == nil {
			t.Errorf("a pool in use was exported: %s", out)
			d.reimport()
		}
		s.put(fmt.Sprintf("cold%d", i), 2*mib).verify(t)
	}
	for _, r := range readers {
		r.stop(t)
	}
	if code := m.unmount(); code != 0 {
		t.Fatalf("unmount: exit code %d", code)
	}
	d.export()
	d.reimport()
	walkCache(t, s.cache, false)
	s.mount()
	for _, f := range files {
		f.verify(t)
	}
}
