package main

import (
	"os"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

const (
	// Enough for 8 MiB x 16 requests and the disk's queue; measured to carry
	// 1 GB/s, and leaves a default daemon well below 300 MiB.
	defaultMemory = 160 << 20
	// The program itself, its stacks, connections and FUSE's request buffers: they
	// take some 20 MiB. The heap grows to the limit whatever it needs, so that with
	// 64 MiB here --memory-limit 64MiB peaked at 158 of the 160 MiB allowed; so 127.
	overheadMemory = 32 << 20
)

// blockMemory is the budget for block buffers: what was asked for, else 160 MiB,
// or a quarter of what the machine or the cgroup has if that is less.
func blockMemory(asked int64) int64 {
	if asked > 0 {
		return asked
	}
	total, err := memlimit.ApplyFallback(memlimit.FromCgroup, memlimit.FromSystem)()
	if err != nil || total == 0 {
		return defaultMemory
	}
	return min(defaultMemory, int64(total/4))
}

// limitGoMemory gives the collector a soft limit: the budgets and the program's
// own needs, but not more than nine tenths of the cgroup. $GOMEMLIMIT goes first.
func limitGoMemory(budgets int64) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	limit := budgets + overheadMemory
	if cgroup, err := memlimit.FromCgroup(); err == nil {
		limit = min(limit, int64(cgroup/10*9))
	}
	debug.SetMemoryLimit(limit)
}
