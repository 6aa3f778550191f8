package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// ext4Shutdown is EXT4_IOC_SHUTDOWN: the file system ends at once, as if its disk were
// gone, once its journal is written.
const ext4Shutdown = 0x8004587d

// TestDiskMountedAnew: a disk drops out and is mounted again, in one boot. What the page
// cache held is lost with it; ext4 may have written a version's map, and have noted the
// times of its data, before the data. Nothing of that is believed.
func TestDiskMountedAnew(t *testing.T) {
	s := newStand(t)
	f := s.put("f", 40*mib)
	disk := s.onExt4(t, 400*mib)
	d := s.mount()
	cacheWhole(t, f)
	eventually(t, "the version is sealed", func() bool { return strings.HasPrefix(f.proved(t), "proved") })
	maps, err := filepath.Glob(filepath.Join(s.cache, "*", "objects", "*", "*.map"))
	if err != nil || len(maps) != 1 {
		t.Fatal(maps, err)
	}
	for _, path := range maps {
		h, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Sync(); err != nil {
			t.Fatal(err)
		}
		h.Close()
	}
	top, err := os.Open(disk.mnt)
	if err != nil {
		t.Fatal(err)
	}
	err = unix.IoctlSetPointerInt(int(top.Fd()), ext4Shutdown, unix.FS_SHUTDOWN_FLAGS_LOGFLUSH)
	top.Close()
	if err != nil {
		t.Fatal(err)
	}
	d.kill()
	eventually(t, "the disk is let go", func() bool { return unix.Unmount(disk.mnt, 0) == nil })
	disk.mount()

	s.mount()
	f.readEveryWay(t)
}
