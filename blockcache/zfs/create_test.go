package zfs

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const mib = 1 << 20

func tank() world {
	return world{
		Datasets: map[string]map[string]string{"tank": defaults()},
		Pools: map[string]map[string]string{"tank": {"name": "tank", "health": "ONLINE", "allocated": "1000", "size": "10000",
			"free": "9000", "readonly": "off", "dedupratio": "1.00", "fragmentation": "0", "freeing": "0", "leaked": "0"}},
	}
}

func TestCreate(t *testing.T) {
	h := newHost(t, tank())
	dir := h.mount("tank/cache")
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	got, err := h.Create("tank/cache", Layout{BlockSize: mib, Size: 100 << 30, UID: os.Getuid(), GID: os.Getgid()})
	if err != nil || got != dir {
		t.Fatalf("%q, %v", got, err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	values := h.world().Datasets["tank/cache"]
	for name, want := range map[string]string{
		"recordsize": "1048576", "compression": "lz4", "atime": "off", "xattr": "sa", "sync": "disabled", "primarycache": "all",
		"direct": "disabled", "redundant_metadata": "some", "com.sun:auto-snapshot": "false",
		"exec": "off", "setuid": "off", "devices": "off", "dedup": "off",
	} {
		if values[name] != want {
			t.Errorf("%s=%s, want %s", name, values[name], want)
		}
	}
	quota, err := number("tank/cache", "refquota")
	if err != nil || quota != refquota(100<<30, dirtyMax()) || quota < 105<<30 {
		t.Errorf("refquota %d, %v", quota, err)
	}
	// What it makes is right.
	if found, err := h.Check("tank/cache", mib); err != nil || len(found) != 0 {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestCreateOnOlderZFS(t *testing.T) {
	w := tank()
	w.Unknown = []string{"direct"}
	h := newHost(t, w)
	dir := h.mount("tank/cache")
	if _, err := h.Create("tank/cache", Layout{BlockSize: mib, UID: os.Getuid(), GID: os.Getgid()}); err != nil {
		t.Fatal(err)
	}
	values := h.world().Datasets["tank/cache"]
	if values["direct"] != "standard" || values["redundant_metadata"] != "most" || values["refquota"] != "0" {
		t.Errorf("%v", values)
	}
	found, err := h.Check("tank/cache", mib)
	if err != nil || Faults(found) != 0 {
		t.Errorf("%s: %+v, %v", dir, found, err)
	}
}

func TestCreateRefuses(t *testing.T) {
	w := tank()
	w.Datasets["tank/cache"] = defaults()
	h := newHost(t, w)
	for _, c := range []struct {
		name string
		want error
	}{
		{"tank/cache", ErrExists},
		{"tank/no/cache", ErrNoDataset},
		{"pool/cache", ErrNoDataset},
		{"-r/cache", ErrName},
		{"tank/", ErrName},
		{"tank/a b;c", ErrName},
		{"tank/cache@snap", ErrName},
		{"", ErrName},
	} {
		if _, err := h.Create(c.name, Layout{BlockSize: mib}); !errors.Is(err, c.want) {
			t.Errorf("%q: %v, want %v", c.name, err, c.want)
		}
	}
	if _, err := h.Create("tank", Layout{BlockSize: mib}); err == nil {
		t.Error("a pool was accepted")
	}
	for _, args := range h.world().Ran {
		if args[1] == "create" {
			t.Errorf("it ran %v", args)
		}
	}
}

// A dataset whose parent is mounted nowhere is not mounted: its directory would be
// one of another file system.
func TestCreateUnmounted(t *testing.T) {
	h := newHost(t, tank())
	if _, err := h.Create("tank/cache", Layout{BlockSize: mib}); !errors.Is(err, ErrNotMounted) {
		t.Errorf("%v", err)
	}
}

func TestCreateFollowsNoLink(t *testing.T) {
	h := newHost(t, tank())
	dir := h.mount("tank/cache")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if err := makePrivate(link, os.Getuid(), os.Getgid()); err == nil {
		t.Error("a link was followed")
	}
}

func TestNoTools(t *testing.T) {
	for _, dir := range []string{"/usr/sbin", "/sbin", "/usr/local/sbin"} {
		if _, err := os.Stat(filepath.Join(dir, "zfs")); err == nil {
			t.Skip("this machine has zfs in " + dir)
		}
	}
	t.Setenv("PATH", t.TempDir())
	_, err := Find()
	if !errors.Is(err, ErrNoTools) || !strings.Contains(err.Error(), "zfsutils-linux") {
		t.Errorf("%v", err)
	}
}

func TestBrokenTools(t *testing.T) {
	w := tank()
	w.Broken = true
	h := newHost(t, w)
	_, err := h.Check("tank/cache", mib)
	if err == nil || errors.Is(err, ErrNoDataset) || !strings.Contains(err.Error(), "modprobe zfs") || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
}

// The path of the programs is theirs alone: a relative directory is none.
func TestFindAddsToPath(t *testing.T) {
	h := newHost(t, tank())
	t.Setenv("PATH", "bin:"+h.dir)
	if err := lookUp("zfs"); err != nil || !slices.Equal(filepath.SplitList(os.Getenv("PATH")), []string{"bin", h.dir}) {
		t.Errorf("%v, PATH %s", err, os.Getenv("PATH"))
	}
}
