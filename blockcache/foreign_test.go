package blockcache_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/blockcache"
)

// stranger is something that is put in the place of a file or a directory of the
// cache. outside is a directory that must stay as it is, in which file has the
// right bytes and dir the right directory.
type stranger struct {
	name string
	put  func(path, outside string) error
	root bool // only root can
}

var strangers = []stranger{
	{name: "nothing", put: func(string, string) error { return nil }},
	{name: "an empty file", put: func(p, _ string) error { return os.WriteFile(p, nil, 0o600) }},
	{name: "an empty directory", put: func(p, _ string) error { return os.Mkdir(p, 0o700) }},
	{name: "a full directory", put: func(p, _ string) error {
		return errFirst(os.MkdirAll(p+"/x/y", 0o700), os.WriteFile(p+"/x/z", []byte("z"), 0o600))
	}},
	{name: "a FIFO", put: func(p, _ string) error { return unix.Mkfifo(p, 0o600) }},
	{name: "a socket", put: func(p, _ string) error { return unix.Mknod(p, unix.S_IFSOCK|0o600, 0) }},
	{name: "/dev/null", root: true, put: device(unix.S_IFCHR, 1, 3)},
	{name: "/dev/zero", root: true, put: device(unix.S_IFCHR, 1, 5)},
	{name: "a console", root: true, put: device(unix.S_IFCHR, 5, 1)},
	{name: "no such device", root: true, put: device(unix.S_IFCHR, 250, 250)},
	{name: "a disk", root: true, put: device(unix.S_IFBLK, 7, 250)},
	{name: "a link to a file", put: func(p, out string) error { return os.Symlink(out+"/file", p) }},
	{name: "a link to a directory", put: func(p, out string) error { return os.Symlink(out+"/dir", p) }},
	{name: "a link to nothing", put: func(p, out string) error { return os.Symlink(out+"/new", p) }},
	{name: "a link to itself", put: func(p, _ string) error { return os.Symlink(filepath.Base(p), p) }},
	{name: "a hard link", put: func(p, out string) error { return os.Link(out+"/file", p) }},
	{name: "another user's", root: true, put: func(p, out string) error {
		return errFirst(copyAny(p, out), os.Chown(p, 12345, 12345))
	}},
	{name: "closed to us", put: func(p, out string) error { return errFirst(copyAny(p, out), os.Chmod(p, 0)) }},
}

func device(kind uint32, major, minor uint32) func(string, string) error {
	return func(p, _ string) error { return unix.Mknod(p, kind|0o600, int(unix.Mkdev(major, minor))) }
}

// copyAny puts a copy of what was at p there.
func copyAny(p, outside string) error {
	if st, err := os.Lstat(outside + "/dir"); err == nil && st.IsDir() {
		return os.CopyFS(p, os.DirFS(outside+"/dir"))
	}
	raw, err := os.ReadFile(outside + "/file")
	return errFirst(err, os.WriteFile(p, raw, 0o600))
}

// F54: whatever takes the place of the cache's files and directories is a miss,
// never blocks, is never read from nor written through, and goes.
func TestStrangers(t *testing.T) {
	for _, which := range []string{"data", "map", "shard", "objects"} {
		for _, s := range strangers {
			if s.root && os.Geteuid() != 0 {
				continue
			}
			t.Run(s.name+" for the "+which, func(t *testing.T) {
				eachMoment(t, small, func(p *patient) { p.meet(which, s) })
			})
		}
	}
}

// meet lets a stranger take the place of one of the version's files.
func (p *patient) meet(which string, s stranger) {
	place := map[string]string{
		"data": p.data, "map": p.mapped, "shard": filepath.Dir(p.data), "objects": filepath.Dir(filepath.Dir(p.data)),
	}[which]
	outside := filepath.Dir(p.dir) + "/outside"
	var before string
	p.hurt(func() error {
		there := outside + "/file"
		err := os.Mkdir(outside, 0o700)
		if which == "shard" || which == "objects" {
			err = errFirst(err, os.WriteFile(there, []byte("precious"), 0o600))
			there = outside + "/dir"
		}
		err = errFirst(err, os.Rename(place, there), s.put(place, outside))
		before = picture(p.t, outside)
		return err
	})
	p.cured()
	if after := picture(p.t, outside); after != before {
		p.t.Errorf("outside there is now\n%s, before\n%s", after, before)
	}
	for _, path := range []string{p.data, p.mapped} {
		st, err := os.Lstat(path)
		if err != nil {
			p.t.Error(err)
			continue
		}
		if sys := st.Sys().(*syscall.Stat_t); !st.Mode().IsRegular() || sys.Nlink != 1 || int(sys.Uid) != os.Geteuid() {
			p.t.Errorf("%s is %v with %d names, of user %d", path, st.Mode(), sys.Nlink, sys.Uid)
		}
	}
}

// picture is all that is below dir, but for the number of names, which taking away
// a hard link changes, and for times.
func picture(t testing.TB, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		st, err := e.Info()
		if err != nil {
			return err
		}
		fmt.Fprintln(&b, path, st.Mode(), st.Size())
		if st.Mode().IsRegular() {
			fmt.Fprintf(&b, "%x\n", read(t, path))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// F54: also where the whole mount's directory is another's, the start says so and
// touches nothing.
func TestStrangersInPlaceOfTheMountsDirectory(t *testing.T) {
	for _, s := range strangers {
		if s.name == "nothing" || s.name == "an empty directory" || s.name == "a full directory" || s.root && os.Geteuid() != 0 {
			continue // which are ours to use
		}
		t.Run(s.name, func(t *testing.T) {
			base := t.TempDir()
			dir, outside := base+"/cache", base+"/outside"
			seeded(t, dir, codedObject("a", small))
			place := home(t, dir)
			err := errFirst(os.Mkdir(outside, 0o700), os.WriteFile(outside+"/file", []byte("precious"), 0o600),
				os.Rename(place, outside+"/dir"), s.put(place, outside))
			if err != nil {
				t.Fatal(err)
			}
			before := picture(t, outside)
			wantRefused(t, dir, s.name == "closed to us" && os.Geteuid() == 0)
			if after := picture(t, outside); after != before {
				t.Errorf("outside there is now\n%s, before\n%s", after, before)
			}
		})
	}
}

// wantRefused opens the cache, which is either refused or used.
func wantRefused(t *testing.T, dir string, used bool) {
	t.Helper()
	c, err := blockcache.Open(config(dir, 100))
	if err == nil {
		closeCache(t, c)
	}
	if (err == nil) != used {
		t.Errorf("error %v", err)
	}
}

// What is mounted below the cache's directory is somebody else's, whatever its name.
func TestMountBelow(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root mounts file systems")
	}
	dir := t.TempDir()
	obj := codedObject("a", 5*kib)
	seeded(t, dir, obj)
	for _, name := range []string{"objects/mine", "objects/00/mine", "order.new/mine"} {
		mnt := filepath.Join(home(t, dir), name)
		if err := os.MkdirAll(mnt, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount("mine", mnt, "tmpfs", 0, "size=1m"); err != nil {
			t.Skip("cannot mount: ", err)
		}
		t.Cleanup(func() { _ = unix.Unmount(mnt, unix.MNT_DETACH) })
		if err := os.WriteFile(mnt+"/file", []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		c := open(t, config(dir, 1000))
		synctest.Wait() // the sweep is over
		src := &source{}
		fill(t, c, src, obj)
		if n := src.requests.Load(); n != 0 {
			t.Errorf("%d requests for what is cached", n)
		}
		fill(t, c, src, codedObject("b", 5*kib))
		closeCache(t, c)
	})
	for _, name := range []string{"objects/mine", "objects/00/mine", "order.new/mine"} {
		if _, err := os.Stat(filepath.Join(home(t, dir), name, "file")); err != nil {
			t.Error(err)
		}
	}
}
