package e2e_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// ext4 is a file system in a file, mounted by a loop device.
type ext4 struct {
	t          testing.TB
	image, mnt string
}

// onExt4 gives the stand a cache on a file system of so many bytes of its own.
func (s *stand) onExt4(t testing.TB, size int64) *ext4 {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root mounts file systems")
	}
	return s.ext4In(t, s.dir, size)
}

// onThinExt4 is onExt4 on a disk that has room for less than it says. Without a journal:
// one that finds no room fails all of the file system, and hides what is lost.
func (s *stand) onThinExt4(t testing.TB, size, room int64) *ext4 {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root mounts file systems")
	}
	below := filepath.Join(s.dir, "below")
	if err := os.Mkdir(below, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("thin", below, "tmpfs", 0, fmt.Sprintf("size=%d", room)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(below, unix.MNT_DETACH) })
	return s.ext4In(t, below, size, "-O", "^has_journal")
}

// ext4In has its image in a directory, and features of mkfs.ext4.
func (s *stand) ext4In(t testing.TB, dir string, size int64, features ...string) *ext4 {
	t.Helper()
	d := &ext4{t: t, image: filepath.Join(dir, "image"), mnt: filepath.Join(s.dir, "ext4")}
	if err := os.WriteFile(d.image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(d.image, size); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(d.mnt, 0o700); err != nil {
		t.Fatal(err)
	}
	d.run("mkfs.ext4", append([]string{"-q", "-F", "-m", "0", d.image}, features...)...)
	d.mount()
	// Lazily: what a failed test has left open must not keep it.
	t.Cleanup(func() { _ = unix.Unmount(d.mnt, unix.MNT_DETACH) }) // fails when a test has done it
	s.cache = filepath.Join(d.mnt, "cache")
	return d
}

func (d *ext4) run(name string, args ...string) {
	d.t.Helper()
	if text, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		d.t.Fatalf("%s: %v\n%s", name, err, text)
	}
}

func (d *ext4) mount() {
	d.t.Helper()
	d.run("mount", "-o", "loop", d.image, d.mnt)
}

// fill lets another tenant take all that is free, and returns how to give it back.
func (d *ext4) fill() (empty func()) {
	d.t.Helper()
	path := filepath.Join(d.mnt, "tenant")
	f, err := os.Create(path)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	p := make([]byte, 64*kib)
	for err == nil {
		_, err = f.Write(p)
	}
	if err := f.Sync(); err != nil {
		d.t.Fatal(err)
	}
	return func() {
		if err := os.Remove(path); err != nil {
			d.t.Fatal(err)
		}
	}
}

// shutDown ends all input and output, as a drive does that is pulled out.
func (d *ext4) shutDown() {
	d.t.Helper()
	f, err := os.Open(d.mnt)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	const shutdown, noFlush = 0x8004587d, 2 // FS_IOC_SHUTDOWN of linux/fs.h
	if err := unix.IoctlSetPointerInt(int(f.Fd()), shutdown, noFlush); err != nil {
		d.t.Fatal(err)
	}
}

// TestFaultF45DiskFillsUp: the cache may take more than there is, and others take
// the rest. Reads go on; the daemon's files give way to nobody's, and when there is
// room again it is used.
func TestFaultF45DiskFillsUp(t *testing.T) {
	s := newStand(t)
	disk := s.onExt4(t, 48*mib)
	files := []file{s.put("a", 12*mib+1), s.put("b", 20*mib), s.put("c", 30*mib+7)}
	d := s.mount("--block-size", "64KiB", "--log-level", "info", "--cache-size", "1GiB", "--cache-min-free", "0", "--memory-limit", "32MiB")
	readers := s.load(t, files, rand.New(rand.NewPCG(1, 1)))
	for _, f := range files { // more than the disk holds
		f.verify(t)
	}
	for round := range soak(t, 2) {
		empty := disk.fill()
		for k := range 2 {
			s.put(fmt.Sprintf("cold-%d-%d", round, k), 3*mib).verify(t)
		}
		for _, f := range files {
			if v := f.job("direct").must(t); v.SHA256 != f.sha256() {
				t.Errorf("sha256 of %s %s, want %s", f.key, v.SHA256, f.sha256())
			}
		}
		empty()
		s.keepsAgain(t, disk.mnt, fmt.Sprint("again-", round))
	}
	for _, reader := range readers {
		reader.stop(t)
	}
	if code := d.unmount(); code != 0 {
		t.Errorf("unmount: exit code %d", code)
	}
	if on := walkCache(t, s.cache, false); on.bytes == 0 || on.bytes > 48*mib {
		t.Errorf("%d bytes on a disk of 48 MiB", on.bytes)
	}
}

// TestFaultF48DiskIsPulledOut: every access fails at once. Reads go on, the daemon
// ends well, and what the disk still has when it is back is right.
func TestFaultF48DiskIsPulledOut(t *testing.T) {
	s := newStand(t)
	disk := s.onExt4(t, 128*mib)
	files := []file{s.put("a", 12*mib+1), s.put("b", 20*mib), s.put("c", 1)}
	// A reader whom the kernel serves just then is the next test's.
	options := []string{"--block-size", "64KiB", "--log-level", "info", "--memory-limit", "32MiB", "--passthrough=false"}
	d := s.mount(options...)
	for _, f := range files {
		f.verify(t)
	}
	readers := s.load(t, files, rand.New(rand.NewPCG(1, 1)))
	disk.shutDown()
	for k := range 2 {
		s.put(fmt.Sprint("cold-", k), 3*mib).verify(t)
	}
	for _, f := range files {
		if v := f.job("direct").must(t); v.SHA256 != f.sha256() {
			t.Errorf("sha256 of %s %s, want %s", f.key, v.SHA256, f.sha256())
		}
	}
	for _, reader := range readers {
		reader.stop(t)
	}
	if code := d.unmount(); code != 0 {
		t.Errorf("unmount: exit code %d", code)
	}
	if err := unix.Unmount(disk.mnt, 0); err != nil {
		t.Fatalf("the daemon has left something open: %v", err)
	}
	disk.mount()
	d = s.mount(options...)
	for _, f := range files {
		f.verify(t)
	}
	s.keepsAgain(t, disk.mnt, "again")
	d.unmount()
	walkCache(t, s.cache, false)
}

// TestFaultF48DiskIsPulledOutUnderTheKernel: who reads through the kernel alone has
// nobody to ask: right bytes or EIO. A new open finds the way to the source.
func TestFaultF48DiskIsPulledOutUnderTheKernel(t *testing.T) {
	s := newStand(t)
	disk := s.onExt4(t, 128*mib)
	f := s.put("a", 20*mib+1)
	d := s.mount()
	cacheWhole(t, f)
	d.end()
	d = s.mount()
	h := f.open(t, 0)
	if err := f.readAt(h, 0, 128*kib); err != nil {
		t.Fatal(err)
	}
	disk.shutDown()
	for off := int64(0); off < f.size; off += mib {
		if err := f.readAt(h, off, mib); err != nil && !errors.Is(err, unix.EIO) {
			t.Errorf("the open handle, at %d: %v", off, err)
		}
	}
	f.verify(t)
	again := f.open(t, 0)
	if err := f.readAt(again, mib, mib); err != nil {
		t.Errorf("a new handle: %v", err)
	}
	if err := errors.Join(h.Close(), again.Close()); err != nil {
		t.Error(err)
	}
	if n := d.end(); n.kernelOpens == 0 {
		t.Error("nothing was read by the kernel alone")
	}
}

// TestFaultF55UnmountedUnderTheMount: the cache's file system is detached. Nothing
// is written to the directory that shows in its place.
func TestFaultF55UnmountedUnderTheMount(t *testing.T) {
	s := newStand(t)
	disk := s.onExt4(t, 64*mib)
	warm := s.put("warm", 3*mib)
	d := s.mount("--block-size", "64KiB", "--log-level", "info")
	warm.verify(t)
	if err := unix.Unmount(disk.mnt, unix.MNT_DETACH); err != nil {
		t.Fatal(err)
	}
	warm.verify(t)
	s.put("cold", 3*mib).verify(t)
	if code := d.unmount(); code != 0 {
		t.Errorf("unmount: exit code %d", code)
	}
	if left := list(t, disk.mnt); len(left) != 0 {
		t.Errorf("in the directory below: %q", left)
	}
	disk.mount()
	s.mount("--block-size", "64KiB")
	before := s.gets("warm")
	warm.verify(t)
	if n := s.gets("warm") - before; n != 0 {
		t.Errorf("%d GETs of what was cached", n)
	}
}

// TestFaultF55RenamedUnderTheMount: a directory keeps its identity under any name.
func TestFaultF55RenamedUnderTheMount(t *testing.T) {
	s := newStand(t)
	warm := s.put("warm", 3*mib)
	s.mount("--block-size", "64KiB", "--memory-limit", "32MiB")
	warm.verify(t)
	if err := os.Rename(s.cache, s.cache+"-2"); err != nil {
		t.Fatal(err)
	}
	warm.verify(t)
	s.put("cold", 3*mib).verify(t)
	s.keepsAgain(t, s.cache+"-2", "again")
	if _, err := os.Lstat(s.cache); err == nil {
		t.Error("the directory was made anew beside the one in use")
	}
}

// TestFaultF56ReadOnlyDisk: nothing can be written, and what is there is served.
func TestFaultF56ReadOnlyDisk(t *testing.T) {
	s := newStand(t)
	disk := s.onFaultyDisk(t)
	warm := s.put("warm", 40*mib) // more than fits into the memory
	d := s.mount("--block-size", "64KiB", "--memory-limit", "32MiB")
	eventually(t, "all is on the disk", func() bool {
		warm.job("direct").must(t) // a full queue leaves blocks out
		return used(t, disk.place.Dir) >= warm.size
	})
	disk.meet(each(trouble{Errno: unix.EROFS}, "write", "create", "mkdir", "rename", "unlink", "setattr", "fallocate"))
	before := s.gets("warm")
	if v := warm.job("direct").must(t); v.SHA256 != warm.sha256() {
		t.Errorf("sha256 %s, want %s", v.SHA256, warm.sha256())
	}
	if n := s.gets("warm") - before; n != 0 {
		t.Errorf("%d GETs of what is on the disk", n)
	}
	s.put("cold", 3*mib).verify(t)
	if code := d.unmount(); code != 0 {
		t.Errorf("unmount: exit code %d", code)
	}
	s.mount("--block-size", "64KiB") // a start needs to write nothing
	if v := warm.job("direct").must(t); v.SHA256 != warm.sha256() {
		t.Errorf("sha256 %s, want %s", v.SHA256, warm.sha256())
	}
	if n := s.gets("warm") - before; n != 0 {
		t.Errorf("%d GETs of what is on the disk, after a restart", n)
	}
	if disk.meet(nil) == 0 {
		t.Error("nothing met the trouble")
	}
	s.keepsAgain(t, disk.place.Dir, "again")
}
