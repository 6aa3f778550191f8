package main

import (
	"os"
	"strings"
	"testing"
)

// A mount that cannot have its dataset fails in one line and makes nothing: the
// cache would fill the file system below.
func TestMountWithoutItsDataset(t *testing.T) {
	s := newStand(t)
	s.fakeZFS(nil)
	for _, c := range []struct {
		code Code
		hint string
		args []string
	}{
		{DatasetAway, "zfs mount tank/cache", []string{"--zfs-dataset", "tank/cache"}},
		{DatasetAway, "zfs mount tank/cache", []string{"-o", "zfs_dataset=tank/cache"}},
		{NoDataset, "zs3fs zfs create tank/no", []string{"--zfs-dataset", "tank/no"}},
		{Option, "is not the name of a dataset", []string{"--zfs-dataset", "/tank/cache"}},
		{NotZFS, "/proc/cache", []string{"--cache-require-zfs", "--cache-dir", "/proc/cache"}},
		{Option, "exclude each other", []string{"--zfs-dataset", "tank/cache", "--cache-dir", s.cache}},
	} {
		args := append([]string{"mount", "--endpoint-url", s.server.URL()}, c.args...)
		o := s.run(append(args, "s3://"+s.server.Bucket(), s.mnt)...)
		if o.code != c.code || strings.Count(o.stderr, "\n") != 1 || !strings.Contains(o.stderr, c.hint) {
			t.Errorf("%v: code %d, want %d: %q", c.args, o.code, c.code, o.stderr)
		}
	}
	if _, err := os.Stat(s.cache); err == nil {
		t.Error("a cache directory was made")
	}
	if s.mounted() {
		t.Error("mounted")
	}
}

// Without the programs a dataset that is not in the mount table is just that.
func TestMountWithoutDatasetAndTools(t *testing.T) {
	s := newStand(t)
	s.env = append(s.env, "PATH="+s.dir)
	o := s.run("mount", "--endpoint-url", s.server.URL(), "--zfs-dataset", "tank/of-no-machine", s.server.Bucket(), s.mnt)
	if o.code != DatasetAway && o.code != NoDataset { // the latter where zfs is in /sbin
		t.Errorf("code %d: %s", o.code, o.stderr)
	}
}
