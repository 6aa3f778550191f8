package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestInstall puts the program into an empty directory, as a package is built, and
// takes it out again.
func TestInstall(t *testing.T) {
	dest := t.TempDir()
	run := func(args ...string) {
		t.Helper()
		args = append(args, "-C", "../..", "DESTDIR="+dest, "PREFIX=/usr")
		if out, err := exec.Command("make", args...).CombinedOutput(); err != nil {
			t.Fatalf("make %q: %v\n%s", args, err, out)
		}
	}
	run("build")
	run("install", "GO=false") // as by sudo, whose PATH lacks /usr/local/go/bin
	program := filepath.Join(dest, "usr/bin/zs3fs")
	if info, err := os.Stat(program); err != nil || info.Mode() != 0o755 {
		t.Fatalf("program: %v, %v", info, err)
	}
	if out, err := exec.Command(program, "version").CombinedOutput(); err != nil {
		t.Errorf("zs3fs version: %v\n%s", err, out)
	}
	for _, helper := range []string{"mount.zs3fs", "mount.fuse.zs3fs"} {
		// The link names the place after installation, not the one in DESTDIR.
		if to, err := os.Readlink(filepath.Join(dest, "sbin", helper)); err != nil || to != "/usr/bin/zs3fs" {
			t.Errorf("%s leads to %q, %v", helper, to, err)
		}
	}
	run("uninstall")
	err := filepath.WalkDir(dest, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			t.Errorf("left behind: %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
