package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/moby/sys/mountinfo"
)

func TestOccupant(t *testing.T) {
	for _, c := range []struct {
		fstype string // none: ""
		helper bool
		want   occupant
	}{
		{"", false, nothing},
		{"", true, pending},
		// Neither is "already mounted", nor may it be touched: it would wait for us.
		{"autofs", true, pending},
		{"autofs", false, pending},
		{fsType, true, ours},
		{fsType, false, ours},
		{"fuse.sshfs", true, foreign},
		{"fuse", false, foreign},
		{"zfs", false, foreign},
	} {
		var top *mountinfo.Info
		if c.fstype != "" {
			top = &mountinfo.Info{FSType: c.fstype}
		}
		if got := occupantOf(top, c.helper); got != c.want {
			t.Errorf("%q, helper %v: %v, want %v", c.fstype, c.helper, got, c.want)
		}
	}
}

func TestResolveDir(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		os.MkdirAll(filepath.Join(root, "real/mnt"), 0o755),
		os.Symlink("real", filepath.Join(root, "link")),
		os.Symlink("real/mnt", filepath.Join(root, "direct")),
		os.Symlink("nowhere", filepath.Join(root, "dangling")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(root)
	for _, c := range []struct {
		dir    string
		helper bool
		want   string
	}{
		{"real/mnt", false, "real/mnt"},
		{"link/mnt/", false, "real/mnt"},
		{"direct", false, "real/mnt"},
		{"link/../real/./mnt", false, "real/mnt"},
		{"real/missing", false, "real/missing"},
		{"dangling", false, "dangling"},
		// mount(8) has resolved it; nothing is looked at.
		{"link/mnt", true, "link/mnt"},
	} {
		got, err := resolveDir(c.dir, c.helper)
		if err != nil || got != filepath.Join(root, c.want) {
			t.Errorf("resolveDir(%q, %v) = %q, %v; want %q", c.dir, c.helper, got, err, c.want)
		}
	}
	if got, err := resolveDir("/", false); got != "/" || err != nil {
		t.Errorf("resolveDir(/) = %q, %v", got, err)
	}
}

func TestWithin(t *testing.T) {
	for _, c := range []struct {
		path, dir string
		want      bool
	}{
		{"/a", "/a", true}, {"/a/b", "/a", true}, {"/ab", "/a", false}, {"/a", "/a/b", false}, {"/x", "/", true}, {"/", "/", true},
	} {
		if got := within(c.path, c.dir); got != c.want {
			t.Errorf("within(%s, %s) = %v", c.path, c.dir, got)
		}
	}
}
