//go:build zfsvm

package e2e_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

// figures are the status's values, and the dataset it names.
func (s *stand) figures() (values map[string]int64, dataset string) {
	s.t.Helper()
	var status struct {
		Cache  struct{ Dataset string }
		Values map[string]int64
	}
	code, out := s.zs3fs("status", "--json", s.mnt)
	if err := json.Unmarshal([]byte(out), &status); code != 0 || err != nil {
		s.t.Fatalf("status: code %d, %v: %s", code, err, out)
	}
	return status.Values, status.Cache.Dataset
}

// TestZFSCreate makes a dataset by the command, finds it right, caches on it by
// name, and sees the limit follow the quota.
func TestZFSCreate(t *testing.T) {
	p := newPool(t)
	s := newStand(t)
	s.cache = ""
	name, dir := p.name+"/made", filepath.Join(p.dir, "made")
	want := func(code int, args ...string) string {
		t.Helper()
		got, out := s.zs3fs(args...)
		if got != code {
			t.Fatalf("zs3fs %v: code %d, want %d: %s", args, got, code, out)
		}
		return out
	}
	want(0, "zfs", "create", name, "--size", "64MiB", "--mountpoint", dir)
	want(48, "zfs", "create", name)
	if out := want(0, "zfs", "check", name); !strings.Contains(out, name+" suits the cache") {
		t.Errorf("check: %s", out)
	}
	want(0, "zfs", "check", dir)

	f := s.put("file", 5*mib+12345)
	m := s.mount("--zfs-dataset", name)
	f.verify(t)
	values, dataset := s.figures()
	if dataset != name || values["cache_budget_bytes"] == 0 {
		t.Errorf("dataset %q, values %v", dataset, values)
	}
	must(t, "zfs", "set", "refquota=4G", name)
	eventually(t, "the limit follows the quota", func() bool {
		values, _ := s.figures()
		return values["cache_budget_bytes"] > 3*gib
	})
	must(t, "zfs", "snapshot", name+"@pins")
	must(t, "zfs", "set", "recordsize=128K", name)
	if out := want(49, "zfs", "check", name); !strings.Contains(out, "zfs set recordsize=1048576 "+name) || !strings.Contains(out, "snapshots: 1") {
		t.Errorf("check: %s", out)
	}
	if code := m.unmount(); code != 0 {
		t.Fatalf("unmount: exit code %d", code)
	}

	// Never the file system below.
	refused := func(code int) {
		t.Helper()
		d := s.launch("--zfs-dataset", name)
		d.killed = true // its exit status is this test's to judge
		if got := d.wait(); got != code {
			t.Errorf("code %d, want %d: %s", got, code, d.log.String())
		}
	}
	must(t, "zfs", "unmount", name)
	refused(45)
	must(t, "zfs", "destroy", "-r", name)
	refused(44)
}
