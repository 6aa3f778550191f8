package zfs

import (
	"fmt"
	"strconv"
	"strings"
)

// Usage is what a dataset takes, in bytes. ZFS tells it as of a transaction group
// that may be several seconds old.
type Usage struct {
	Referenced      int64   // by its files, on disk
	UsedBySnapshots int64   // only held by snapshots
	Ratio           float64 // of compression: logical bytes by bytes on disk
}

// Usage asks for it.
func (t *Tools) Usage(dataset string) (u Usage, err error) {
	if err := checkName(dataset); err != nil {
		return u, err
	}
	if u.Referenced, err = number(dataset, "referenced"); err != nil {
		return u, err
	}
	if u.UsedBySnapshots, err = number(dataset, "usedbysnapshots"); err != nil {
		return u, err
	}
	value, ok, err := get(dataset, "refcompressratio")
	if err != nil || !ok {
		return u, err
	}
	if u.Ratio, err = strconv.ParseFloat(strings.TrimSuffix(value, "x"), 64); err != nil {
		err = fmt.Errorf("refcompressratio of %s: %w", dataset, err)
	}
	return u, err
}
