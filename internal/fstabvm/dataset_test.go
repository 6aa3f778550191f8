//go:build zfsvm

package fstabvm

import (
	"os"
	"strings"
	"testing"
)

// TestFstabDataset: the README's line, with a dataset that is the cache. While it is
// not mounted the line is refused, and nothing is written where it should be.
func TestFstabDataset(t *testing.T) {
	const name = pool + "/zs3fs"
	zfs := func(args ...string) {
		t.Helper()
		if err := run("zfs", args...); err != nil {
			t.Fatal(err)
		}
	}
	if err := run(os.Getenv(programVariable), "zfs", "create", name, "--size", "1GiB"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { zfs("destroy", name) })
	u := newUnit(t, line{fstype: "zs3fs", dir: "/mnt/dataset", dataset: name})

	u.systemctl("start", u.name("mount"))
	u.mustRead()
	u.allOnDisk()
	after := u.property("mount", "After")
	for _, want := range []string{"tank-zs3fs.mount", "zfs-mount.service"} {
		if !strings.Contains(after, want) {
			t.Errorf("%s is not in After=%s", want, after)
		}
	}
	u.systemctl("stop", u.name("mount"))
	u.eventually("no process is left", func() bool { return len(u.processes()) == 0 })
	if used, err := os.ReadDir("/" + name); err != nil || len(used) == 0 {
		t.Errorf("the dataset holds %v, %v", used, err)
	}

	zfs("unmount", name)
	u.server.Reset()
	// Not by systemctl, which would mount the dataset first.
	if out, err := output("mount", u.dir); err == nil || !strings.Contains(err.Error(), "not mounted") {
		t.Errorf("without its dataset: %q, %v", out, err)
	}
	if below, err := os.ReadDir("/" + name); err != nil && !os.IsNotExist(err) || len(below) > 0 {
		t.Errorf("below the dataset's mount point: %v, %v", below, err)
	}

	zfs("mount", name)
	u.systemctl("start", u.name("mount"))
	u.mustRead()
	if n := u.gets(); n > 0 {
		t.Errorf("%d GETs for what was cached", n)
	}
}
