package fusefs

import "sync/atomic"

// Stats counts what the kernel asked for since the mount.
type Stats struct {
	KernelOpens int64 // opens of files that the kernel reads by itself
	DaemonOpens int64 // opens of files whose reads come here
	Reads       int64 // READ requests answered
	ReadBytes   int64 // and the bytes in them
	Retired     int64 // inodes replaced because they are to be read the other way
	Inodes      int64 // that the kernel holds now
}

type counts struct {
	kernelOpens, daemonOpens, reads, readBytes, retired atomic.Int64
}

// Stats returns the counters as of now.
func (m *Mount) Stats() Stats {
	c := &m.tree.counts
	return Stats{
		KernelOpens: c.kernelOpens.Load(),
		DaemonOpens: c.daemonOpens.Load(),
		Reads:       c.reads.Load(),
		ReadBytes:   c.readBytes.Load(),
		Retired:     c.retired.Load(),
		Inodes:      m.tree.inodes.n.Load(),
	}
}

// Passthrough reports whether the kernel reads complete files by itself, and if not
// why.
func (m *Mount) Passthrough() (on bool, reason string) {
	return m.tree.passthrough.on.Load(), m.tree.passthrough.reason
}
