package main

import (
	"log/slog"
	"os"
	"time"

	"github.com/zs3fs/zs3fs/fusefs"
)

// Kernel requests in the background, reads ahead above all: one for each MiB that
// the crew may have on its way, and room for other readers.
const maxBackground = 512

// Kernel read-ahead: one request is then always on its way beside the one that is
// copied (2,462, 3,664 and 3,901 MiB/s from memory with 128 KiB, 1 and 4 MiB), and fewer
// wake-ups: cold, 512 KiB are 4 to 13 % faster than 256 for one stream and 9 to 25 % for four
// that take turns, and 1 MiB are hardly faster. What the kernel asks for behind a column
// of a Parquet file is refused (prefetch.ErrUnneeded), and who does come to it reads it page by
// page: 128 requests with 512 KiB.
const kernelReadAheadKB = 512

// stride is how many bytes the kernel reads ahead at once. With --direct-io it does so
// for mappings only, and a read of that size is one that a program wants.
func (m *mountOptions) stride() int64 {
	if m.DirectIO {
		return 0
	}
	return kernelReadAheadKB << 10
}

func (t *treeOptions) ttl() time.Duration {
	if t.Consistency.value == "forever" {
		return forever
	}
	return t.TTL
}

func (t *treeOptions) escape() bool { return t.Unmappable.value == "escape" }

func (c *chain) mountConfig(o *Options, log *slog.Logger) fusefs.Config {
	m := &o.Mount
	name := m.FSName
	if name == "" {
		name = o.Source.String()
	}
	var backing func() (*os.File, error)
	if m.Passthrough {
		backing = c.cache.Probe
	}
	return fusefs.Config{
		Backing: backing,
		Catalog: c.catalog, Open: c.crew.Open, Files: c.files, FSName: name,
		Inodes: func(n int64) { limitGoMemory(c.memory.Limit() + o.Tree.Memory + n*inodeMemory) },
		UID:    m.UID.id, GID: m.GID.id,
		FileMode:   os.FileMode(m.FileMode &^ (m.Umask | m.Fmask)),
		DirMode:    os.FileMode(m.DirMode &^ (m.Umask | m.Dmask)),
		AllowOther: m.AllowOther, AllowRoot: m.AllowRoot,
		// Without the kernel's check the modes would not bind other users.
		DefaultPermissions: m.DefaultPermissions || m.AllowOther || m.AllowRoot,
		EntryTTL:           o.Tree.ttl(), NegativeTTL: o.Tree.NegativeTTL,
		DirectIO: m.DirectIO, ReadAheadKB: kernelReadAheadKB, MaxBackground: maxBackground,
		KernelOptions: m.Kernel, DirectMount: os.Geteuid() == 0,
		Debug: o.Log.Debug, Logger: log,
	}
}
