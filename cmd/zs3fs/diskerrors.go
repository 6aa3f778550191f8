package main

import (
	"log/slog"
	"time"

	"github.com/zs3fs/zs3fs/blockcache/zfs"
)

// diskErrorsEvery bounds how long a program may meet EIO of a record that rots
// under a file which the kernel reads without us.
const diskErrorsEvery = 15 * time.Second

// watchDiskErrors watches the pool's counts of errors, until the caller's Close. What the
// kernel reads by itself fails without our knowing; when the counts have grown, the cache
// is no longer believed, its files are read by the daemon again, and what is damaged is
// fetched.
func watchDiskErrors(dataset string, tools *zfs.Tools, distrust func(), log *slog.Logger) *periodic {
	known, told := int64(-1), false
	return every(diskErrorsEvery, func() {
		now, err := tools.Errors(dataset)
		switch {
		case err != nil && !told:
			told = true
			log.Warn("the pool's errors cannot be counted: a record that rots is EIO for who reads a complete file, and is not healed (--passthrough=false rules that out)",
				"dataset", dataset, "error", err)
		case err != nil:
		case known >= 0 && now > known:
			log.Warn("the pool has met errors: what is cached is verified again", "dataset", dataset, "errors", now-known)
			distrust()
			known = now
		default:
			known = now // also after zpool clear
		}
	})
}
