package main

import (
	"os"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

const (
	// Enough for a window of 25 requests of 8 MiB, one for each of the 24 connections that
	// guesses have and one that is read, which carry 1.6 GB/s (20 ms to the first byte, 80 MB/s a connection); leaves a
	// default daemon well below 256 MiB.
	defaultMemory = 160 << 20
	// The program itself, its stacks, connections and FUSE's request buffers: they
	// take some 20 MiB. The heap grows to the limit whatever it needs, so that with
	// 64 MiB here --memory-limit 64MiB peaked at 158 of the 160 MiB allowed; so 127.
	overheadMemory = 32 << 20
)

// inodeMemory is what go-fuse and we keep, in bytes, for an inode that the kernel
// holds: 530 counted, and some garbage. Without it a find over a million files would have
// the collector run without a pause.
const inodeMemory = 570

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

// automatic is the value of an option that depends on others.
const automatic = -1

// window is how far a stream reads ahead with so much memory: a quarter further than
// there is. A flight holds one partial block, so that what is on its way takes half of its
// memory; and what is further ahead than the memory holds, because the reader has stopped
// for a moment, has left it when he comes and is read back from the disk. One stream in the
// mean of 5 or 6 runs, MB/s: 1,142 with 160 MiB and a window of 200, 1,027 with 192 and 168;
// 1,118 with 192 and 240, 1,024 with 160 and 320, 1,010 with 112 and 240.
func (r readOptions) window(memory int64) int64 {
	if r.Window != automatic {
		return r.Window
	}
	return memory / 4 * 5
}

const (
	defaultRequest = 8 << 20
	// The least that a long read asks for by itself; smaller objects come whole.
	leastRequest = 2 << 20
	// As many requests as the default window holds.
	enoughRequests = 25
)

// request is the size of a request in a long read with so much memory. Where the
// window holds few of them they are smaller, so that more run at once: with 64 MiB, 4 MiB
// a request gave 570 to 640 MB/s, and 2 MiB 735 to 840 (20 ms, 80 MB/s a connection).
func (r readOptions) request(memory, block int64) int64 {
	if r.RequestSize != automatic {
		return r.RequestSize
	}
	size := int64(defaultRequest)
	if w := r.window(memory); w > 0 {
		for size > leastRequest && size*enoughRequests > w {
			size /= 2
		}
	}
	return max(size, block)
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
