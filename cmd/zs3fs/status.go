package main

import (
	"os"
	"time"

	"github.com/zs3fs/zs3fs/fusefs"
)

// status is what GET /status answers, as JSON. Sizes are in bytes.
type status struct {
	Source        string            `json:"source"`
	AsOf          string            `json:"as_of,omitempty"` // RFC 3339
	MountPoint    string            `json:"mount_point"`
	PID           int               `json:"pid"`
	Version       string            `json:"version"`
	Started       time.Time         `json:"started"`
	UptimeSeconds int64             `json:"uptime_seconds"`
	S3            s3Status          `json:"s3"`
	Cache         cacheStatus       `json:"cache"`
	Passthrough   passthroughStatus `json:"passthrough"`
	Values        map[string]int64  `json:"values"` // by the names of the rows
}

// s3Status is how the latest questions to S3 went.
type s3Status struct {
	// Trouble is why none is answered: S3 is away, or refuses; empty is none.
	Trouble string `json:"trouble,omitempty"`
	// AwaySince is when S3 was last heard of, while it cannot be reached.
	AwaySince *time.Time `json:"away_since,omitempty"`
	// OfflineOK: names and attributes that have expired are given meanwhile.
	OfflineOK bool `json:"offline_ok"`
	// Unasked: the mount is lazy, and nobody has needed S3 yet.
	Unasked bool `json:"unasked,omitempty"`
}

type cacheStatus struct {
	Dir        string `json:"dir"`
	Filesystem string `json:"filesystem"`
	Dataset    string `json:"dataset,omitempty"`
	// CompressionRatio is ZFS's, of all that the dataset holds; 0 is unknown.
	CompressionRatio float64 `json:"compression_ratio,omitempty"`
	Faults           int     `json:"dataset_faults"`
	// Why nothing is cached, or read from the cache, for the time being.
	WritingPaused string `json:"writing_paused,omitempty"`
	ReadingPaused string `json:"reading_paused,omitempty"`
}

type passthroughStatus struct {
	On     bool   `json:"on"`
	Reason string `json:"reason,omitempty"` // why not
}

// mounted is a mount that stands. It asks the chain and never touches the mount.
type mounted struct {
	options *Options
	chain   *chain
	mount   *fusefs.Mount
	use     *diskUse
	started time.Time
}

func (m *mounted) snapshot() *snapshot {
	s := &snapshot{
		cache: m.chain.cache.Stats(), crew: m.chain.crew.Stats(), bucket: m.chain.client.Stats(), files: m.chain.files.Stats(),
		kernel: m.mount.Stats(), names: m.chain.catalog.Stats(),
	}
	s.passthrough.On, s.passthrough.Reason = m.mount.Passthrough()
	s.hidden = m.chain.catalog.HiddenKeys()
	if found := m.chain.survey.found(); found != nil {
		s.zfs = *found
	}
	if m.chain.names != nil {
		s.ledger = m.chain.names.Stats()
	}
	if m.chain.dataset != "" {
		s.onDisk = m.use.bytes()
	}
	return s
}

func (m *mounted) status() status {
	s := m.snapshot()
	out := status{
		Source: m.options.Source.String(), AsOf: m.options.AsOf.String(), MountPoint: m.options.Dir, PID: os.Getpid(), Version: versionText(),
		Started: m.started, UptimeSeconds: int64(time.Since(m.started).Seconds()),
		Cache: cacheStatus{
			Dir: m.options.Cache.Dir, Filesystem: m.chain.cache.Filesystem(), Dataset: m.chain.dataset,
			CompressionRatio: s.zfs.Usage.Ratio, Faults: s.zfs.faults(),
		},
		Values: map[string]int64{},
	}
	out.S3 = m.chain.s3Status(m.options)
	out.Cache.WritingPaused, out.Cache.ReadingPaused = m.chain.cache.Paused()
	out.Passthrough = s.passthrough
	for _, r := range rows() {
		out.Values[r.name] = r.value(s)
	}
	return out
}
