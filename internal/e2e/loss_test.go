package e2e_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestFaultF48DiskLosesWrites: a thin disk runs full under what ext4 has taken long ago.
// No write and no read fails; what could not be written is right until its memory is
// needed for something else, and zeros then, with a map and times that say it is right.
func TestFaultF48DiskLosesWrites(t *testing.T) {
	s, disk, f, d := cachedInVain(t)
	eventually(t, "the version is sealed", func() bool { return strings.HasPrefix(f.proved(t), "proved") })
	d.unmount()
	forgetPages(t, disk.mnt)
	s.mount() // in the same boot, of which seals are believed else
	f.readEveryWay(t)
	forgetPages(t, disk.mnt) // what was fetched again, too
	f.readEveryWay(t)
}

// TestFaultF48DiskLosesWritesWhileMounted: the same, and no end that would meet it. Who
// looks within half a minute is earlier than the daemon.
func TestFaultF48DiskLosesWritesWhileMounted(t *testing.T) {
	s, disk, f, d := cachedInVain(t)
	eventually(t, "the daemon asks the disk", func() bool { return strings.Contains(d.log.String(), "the disk has lost") })
	forgetPages(t, disk.mnt)
	f.readEveryWay(t)
	d.kill()
	forgetPages(t, disk.mnt)
	s.mount()
	f.readEveryWay(t)
}

// TestFaultF48DiskLosesWritesOfTheKilled: the same, of a daemon that is killed before it
// asks. The next one only reads.
func TestFaultF48DiskLosesWritesOfTheKilled(t *testing.T) {
	s, disk, f, d := cachedInVain(t)
	eventually(t, "the version is sealed", func() bool { return strings.HasPrefix(f.proved(t), "proved") })
	d.kill()
	s.mount()
	f.readEveryWay(t) // right still, most of it in the kernel's memory only
	unix.Sync()       // without taking the error from who asks for it
	forgetPages(t, disk.mnt)
	f.readEveryWay(t)
}

// cachedInVain mounts, and caches a file on a disk that has room for half of it.
func cachedInVain(t *testing.T) (*stand, *ext4, file, *daemon) {
	t.Helper()
	s := newStand(t)
	disk := s.onThinExt4(t, 200*mib, 32*mib)
	f := s.put("f", 60*mib)
	d := s.mount()
	cacheWhole(t, f)
	return s, disk, f, d
}

// forgetPages has the kernel forget what it has in memory of files below dir. Some are
// zeros then, or else the test tells nothing.
func forgetPages(t *testing.T, dir string) {
	t.Helper()
	lost := 0
	p := make([]byte, mib)
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path != dir {
			return nil
		}
		if err != nil || !e.Type().IsRegular() || strings.HasSuffix(path, ".map") {
			return err
		}
		h, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // the daemon has renamed it meanwhile
		}
		if err != nil {
			return err
		}
		defer h.Close()
		if err := unix.Fadvise(int(h.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
			return err
		}
		for off := int64(0); ; off += mib {
			n, err := h.ReadAt(p, off)
			if n > 0 && len(bytes.Trim(p[:n], "\x00")) == 0 {
				lost++
			}
			if err != nil {
				return nil // its end, or an error that the daemon meets as well
			}
		}
	})
	if err != nil || lost == 0 {
		t.Fatalf("%d MiB lost: %v", lost, err)
	}
}
