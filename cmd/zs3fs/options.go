package main

import (
	"time"

	"github.com/zs3fs/zs3fs/s3backend"
)

// Options is everything that can be set, decoded once: from flags, from -o, from
// ZS3FS_* variables, in this order of precedence, else the defaults.
type Options struct {
	Source source
	// Dir is the mount point: absolute, links resolved.
	Dir string
	// Helper says that mount(8) called: DIR may be an automount point that waits
	// for this very mount, and is not touched before.
	Helper bool

	// AsOf is the moment that is shown; zero is the present.
	AsOf asOfValue

	S3    s3backend.Options
	Cache cacheOptions
	Read  readOptions
	Tree  treeOptions
	Mount mountOptions
	Log   logOptions
}

type cacheOptions struct {
	Dir string
	// Dataset is a ZFS dataset whose mount point takes the place of Dir.
	Dataset    string
	RequireZFS bool
	Size       shareValue
	MinFree    shareValue
	BlockSize  int64
	Verify     choiceValue
}

type readOptions struct {
	Window      int64 // bytes a stream reads ahead; 0 is off, automatic see window
	Files       countValue
	Connections int
	RequestSize int64 // bytes; automatic see request
	Memory      int64 // bytes; automatic see blockMemory
}

type treeOptions struct {
	TTL               time.Duration // negative is for ever
	NegativeTTL       time.Duration
	Consistency       choiceValue
	Memory            int64
	NameMax           int
	Persist           bool
	ListAhead         choiceValue
	OfflineOK         bool
	Unmappable        choiceValue
	HideFolderMarkers bool
	RequirePrefix     bool
}

type mountOptions struct {
	Foreground         bool
	UID, GID           idValue
	Umask              modeValue
	Fmask, Dmask       modeValue
	FileMode, DirMode  modeValue
	AllowOther         bool
	AllowRoot          bool
	DefaultPermissions bool
	NonEmpty           bool
	LazyConnect        bool
	Passthrough        bool
	DirectIO           bool
	FSName             string
	Timeout            time.Duration
	UnmountTimeout     time.Duration
	Kernel             []string // for mount(2)
	RuntimeDir         string   // of the control socket
	Metrics            string   // address to listen on; empty is none
	Warnings           []string // about options, to be logged once
}

type logOptions struct {
	File    string
	Level   levelValue
	Format  choiceValue
	Verbose bool
	Debug   bool
}
