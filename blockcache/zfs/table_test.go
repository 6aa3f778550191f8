package zfs

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestTable(t *testing.T) {
	h := newHost(t, tank())
	dir := h.mount("tank/cache")
	if got, err := h.table.Mountpoint("tank/cache"); err != nil || got != dir {
		t.Errorf("%q, %v", got, err)
	}
	below := filepath.Join(dir, "below")
	if err := os.Mkdir(below, 0o700); err != nil {
		t.Fatal(err)
	}
	if got, err := h.table.Dataset(below); err != nil || got != "tank/cache" {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := h.table.Dataset("/proc"); err != nil || got != "" {
		t.Errorf("/proc: %q, %v", got, err)
	}
	if _, err := h.table.Dataset(filepath.Join(dir, "missing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	for _, name := range []string{"tank", "tank/cache/child", "tank/cache@a"} {
		if _, err := h.table.Mountpoint(name); err == nil {
			t.Errorf("%s is mounted", name)
		}
	}
}

// A mount that another one hides, and one of a part of the dataset, are not it.
func TestHiddenMount(t *testing.T) {
	h := newHost(t, tank())
	h.mount("tank/cache")
	h.table[0].Minor++ // another file system lies on the directory
	if _, err := h.table.Mountpoint("tank/cache"); !errors.Is(err, ErrNotMounted) {
		t.Errorf("%v", err)
	}
	h.table[0].Minor--
	h.table[0].Root = "/part"
	if _, err := h.table.Mountpoint("tank/cache"); !errors.Is(err, ErrNotMounted) {
		t.Errorf("%v", err)
	}
}

func TestResolve(t *testing.T) {
	newHost(t, good())
	// The mount table is this machine's: nothing of it is named so.
	for name, want := range map[string]error{"tank/cache": ErrNotMounted, "tank/no": ErrNoDataset, "tank//no": ErrName} {
		if _, err := Resolve(name); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
}
