package zfs

import (
	"errors"
	"maps"
	"os"
	"strings"
	"testing"
)

// good is a world with a dataset that has nothing wrong.
func good() world {
	w := tank()
	values := defaults()
	for _, p := range properties(mib) {
		values[p.name] = p.want
	}
	values["refquota"] = "1000000"
	w.Datasets["tank/cache"] = values
	return w
}

func TestCheckNamesEachFault(t *testing.T) {
	wrong := map[string]string{
		"recordsize": "131072", "compression": "off", "atime": "on", "xattr": "dir", "sync": "standard", "primarycache": "metadata",
		"direct": "standard", "redundant_metadata": "all", "com.sun:auto-snapshot": "-", "exec": "on", "setuid": "on", "devices": "on",
		"special_small_blocks": "1048576", "dedup": "on", "copies": "2", "readonly": "on", "canmount": "noauto",
	}
	w := good()
	maps.Copy(w.Datasets["tank/cache"], wrong)
	h := newHost(t, w)
	h.mount("tank/cache")
	found, err := h.Check("tank/cache", mib)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]Finding{}
	for _, f := range found {
		byName[f.What] = f
	}
	for _, p := range properties(mib) {
		f := byName[p.name]
		if f.Is != wrong[p.name] || f.Why == "" || f.Note || f.Fix != "zfs set "+p.name+"="+p.want+" tank/cache" {
			t.Errorf("%s: %+v", p.name, f)
		}
	}
	if len(found) != len(wrong) || Faults(found) != len(wrong) {
		t.Errorf("%d findings: %+v", len(found), found)
	}
}

// wanted is a finding: what it is about, a text in it, and whether it is a note.
type wanted struct {
	what, text string
	note       bool
}

// Each case is several things at once: every one costs two dozen processes.
func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(h *host, w *world, values map[string]string)
		want   []wanted
	}{
		{"all right", func(h *host, w *world, values map[string]string) {
			values["special_small_blocks"], values["compression"], values["keystatus"] = "65536", "zstd", "available"
			w.Unknown = []string{"direct"}
			w.snapshot("tank/cache/child@a", "5")
		}, nil},
		{"not mounted", func(h *host, w *world, values map[string]string) {
			h.table = nil
			values["quota"], values["refquota"] = "5000", "0"
			w.snapshot("tank/cache@a", "3145728")
			w.Pools["tank"]["allocated"] = "9100"
		}, []wanted{
			{"mount", "zfs mount tank/cache", false}, {"quota", "quota=none refquota=5000", false},
			{"snapshots", "1, which hold 3.0 MiB", false}, {"pool", "tank is 91% full", false},
		}},
		{"locked", func(h *host, w *world, values map[string]string) {
			h.table = nil
			values["keystatus"], values["quota"] = "unavailable", "5000"
			w.snapshot("tank/cache@a", "0") // to be sent
			w.Pools["tank"]["health"] = "DEGRADED"
		}, []wanted{
			{"mount", "zfs load-key tank/cache && zfs mount tank/cache", false}, {"quota", "4.9 KiB", false},
			{"snapshots", "zfs destroy tank/cache@%", true}, {"pool", "zpool status tank", false},
		}},
		{"open", func(h *host, _ *world, values map[string]string) {
			if err := os.Chmod(h.table[0].Mountpoint, 0o755); err != nil {
				h.t.Fatal(err)
			}
			values["refquota"] = "0"
		}, []wanted{{"mount", "chmod 0700", false}, {"refquota", "none", true}}},
	} {
		w := good()
		h := newHost(t, w)
		h.mount("tank/cache")
		c.change(h, &w, w.Datasets["tank/cache"])
		h.write(w)
		found, err := h.Check("tank/cache", mib)
		if err != nil || len(found) != len(c.want) {
			t.Errorf("%s: %+v, %v", c.name, found, err)
			continue
		}
		for i, f := range found {
			want := c.want[i]
			if all := f.Is + " " + f.Why + " " + f.Fix; f.What != want.what || f.Note != want.note || !strings.Contains(all, want.text) {
				t.Errorf("%s: %+v, want %+v", c.name, f, want)
			}
		}
	}
}

// snapshot adds one that holds so many bytes.
func (w *world) snapshot(name, bytes string) {
	dataset, _, _ := strings.Cut(name, "@")
	if w.Datasets[dataset] == nil {
		w.Datasets[dataset] = defaults()
	}
	w.Datasets[dataset]["usedbysnapshots"] = bytes
	values := maps.Clone(defaults())
	values["type"] = "snapshot"
	w.Datasets[name] = values
}

func TestCheckOfNoDataset(t *testing.T) {
	h := newHost(t, tank())
	if _, err := h.Check("tank/no", mib); !errors.Is(err, ErrNoDataset) {
		t.Errorf("%v", err)
	}
}

func TestUsage(t *testing.T) {
	w := good()
	maps.Copy(w.Datasets["tank/cache"], map[string]string{"referenced": "1234", "usedbysnapshots": "56", "refcompressratio": "2.31"})
	h := newHost(t, w)
	if u, err := h.Usage("tank/cache"); err != nil || u != (Usage{1234, 56, 2.31}) {
		t.Errorf("%+v, %v", u, err)
	}
	if _, err := h.Usage("tank/no"); err == nil {
		t.Error("no error about a missing dataset")
	}
}
