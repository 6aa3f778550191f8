package zfs

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
	gozfs "github.com/mistifyio/go-zfs/v4"
	"golang.org/x/sys/unix"
)

// nearlyFull is the share of a pool from which ZFS looks long for free space.
const nearlyFull = 0.9

// Check tells what about a dataset does not suit a cache with blocks of blockSize
// bytes. The error is ErrNoDataset when there is no such file system.
func (t *Tools) Check(dataset string, blockSize int64) ([]Finding, error) {
	exists, err := t.Exists(dataset)
	if err != nil {
		return nil, err
	}
	if !exists {
		return nil, fmt.Errorf("%s: %w", dataset, ErrNoDataset)
	}
	var all []Finding
	for _, check := range []func() ([]Finding, error){
		func() ([]Finding, error) { return checkProperties(dataset, blockSize) },
		func() ([]Finding, error) { return t.checkMount(dataset) },
		func() ([]Finding, error) { return checkQuota(dataset) },
		func() ([]Finding, error) { return checkSnapshots(dataset) },
		func() ([]Finding, error) { return checkPool(dataset) },
	} {
		found, err := check()
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

func checkProperties(dataset string, blockSize int64) (found []Finding, err error) {
	for _, p := range properties(blockSize) {
		value, ok, err := get(dataset, p.name)
		if err != nil {
			return nil, err
		}
		if !ok || p.right(value) {
			continue
		}
		found = append(found, Finding{What: p.name, Is: value, Want: p.want, Why: p.why,
			Fix: fmt.Sprintf("zfs set %s=%s %s", p.name, p.want, quote(dataset))})
	}
	return found, nil
}

func (t *Tools) checkMount(dataset string) ([]Finding, error) {
	table, err := t.mounts()
	if err != nil {
		return nil, err
	}
	dir, err := table.Mountpoint(dataset)
	if errors.Is(err, ErrNotMounted) {
		f := Finding{What: "mount", Is: "not mounted", Want: "mounted", Why: "nothing can be cached on it", Fix: "zfs mount " + quote(dataset)}
		if key, _, err := get(dataset, "keystatus"); err == nil && key == "unavailable" {
			f.Why, f.Fix = "it is encrypted, and its key is not loaded", fmt.Sprintf("zfs load-key %s && zfs mount %[1]s", quote(dataset))
		}
		return []Finding{f}, nil
	}
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if st.Mode&0o077 == 0 {
		return nil, nil
	}
	return []Finding{{What: "mount", Is: fmt.Sprintf("%s has mode %04o", dir, st.Mode&0o7777), Want: "0700",
		Why: "the cache may hold what others may not read", Fix: "chmod 0700 " + quote(dir)}}, nil
}

// checkQuota: a quota counts snapshots, a refquota does not.
func checkQuota(dataset string) ([]Finding, error) {
	quota, err := number(dataset, "quota")
	if err != nil {
		return nil, err
	}
	refquota, err := number(dataset, "refquota")
	if err != nil {
		return nil, err
	}
	switch {
	case quota > 0 && (refquota == 0 || quota <= refquota):
		return []Finding{{What: "quota", Is: size(quota), Want: "none",
			Why: "it counts snapshots too, and ZFS makes writers wait when it comes near; the cache keeps its own limit, and a refquota above that is the back-stop",
			Fix: fmt.Sprintf("zfs set quota=none refquota=%d %s", quota, quote(dataset))}}, nil
	case refquota == 0:
		return []Finding{{What: "refquota", Is: "none", Note: true,
			Why: "there is no back-stop above --cache-size: right where the pool is the cache's alone"}}, nil
	}
	return nil, nil
}

func checkSnapshots(dataset string) ([]Finding, error) {
	all, err := gozfs.Snapshots(dataset)
	if err != nil {
		return nil, readable(err)
	}
	var names []string
	for _, s := range all {
		if strings.HasPrefix(s.Name, dataset+"@") { // -r lists those of children, too
			names = append(names, s.Name)
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	pinned, err := number(dataset, "usedbysnapshots")
	if err != nil {
		return nil, err
	}
	f := Finding{What: "snapshots", Is: fmt.Sprintf("%d, which hold %s that the cache has given up", len(names), size(pinned)), Want: "none",
		Why: "evicted blocks stay on the disks as long as a snapshot has them, and the cache's limit cannot hold",
		Fix: "zfs destroy " + quote(dataset+"@%")}
	// One that was just made to be sent holds nothing yet.
	f.Note = pinned == 0
	return []Finding{f}, nil
}

func checkPool(dataset string) (found []Finding, err error) {
	name, _, _ := strings.Cut(dataset, "/")
	pool, err := gozfs.GetZpool(name)
	if err != nil {
		return nil, readable(err)
	}
	if pool.Health != gozfs.ZpoolOnline {
		found = append(found, Finding{What: "pool", Is: name + " is " + pool.Health, Want: gozfs.ZpoolOnline,
			Why: "its devices need care", Fix: "zpool status " + name})
	}
	if pool.Size > 0 && float64(pool.Allocated) >= nearlyFull*float64(pool.Size) {
		found = append(found, Finding{What: "pool",
			Is:   fmt.Sprintf("%s is %d%% full", name, 100*pool.Allocated/pool.Size),
			Want: fmt.Sprintf("below %.0f%%", 100*nearlyFull),
			Why:  "ZFS gets slow when it has to look for free space: lower --cache-size, or raise --cache-min-free",
			Fix:  "zfs list -o space -r " + name})
	}
	return found, nil
}

// number is a property in bytes; one that is not set is 0.
func number(dataset, property string) (int64, error) {
	value, ok, err := get(dataset, property)
	if err != nil || !ok || value == "-" || value == "none" {
		return 0, err
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s of %s: %w", property, dataset, err)
	}
	return n, nil
}

func size(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

// quote makes a word of a shell's command line; names may have spaces.
func quote(word string) string {
	if strings.ContainsAny(word, " '\"$`\\*?[]#~=&;()<>|\t\n") {
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return word
}
