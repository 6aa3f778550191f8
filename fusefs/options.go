package fusefs

import (
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

const (
	// fsType is the mount table's type: fuse.zs3fs.
	fsType = "zs3fs"
	// maxRead is the largest read request, in bytes: with go-fuse's 128 KiB one
	// stream reaches a third of the speed.
	maxRead = 1 << 20
	// maxInflight bounds go-fuse's request memory, in bytes. A waiting reader of
	// the device takes maxRead, 16 at most; a request under way half a kilobyte,
	// so that this never keeps an INTERRUPT from being read.
	maxInflight = 64 << 20
)

func fuseOptions(cfg Config) fuse.MountOptions {
	logger := slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelWarn)
	if cfg.Debug {
		logger = slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelDebug)
	}
	return fuse.MountOptions{
		FsName:     cfg.FSName,
		Name:       fsType,
		AllowOther: cfg.allowOther(),
		Options:    append([]string{"ro", "nosuid", "nodev"}, cfg.kernelOptions()...),
		MaxWrite:   maxRead, // go-fuse's max_read too
		// The kernel drops read-ahead once CongestionThreshold requests are on
		// their way; it is 3/4 of MaxBackground unless said.
		MaxBackground:       cfg.MaxBackground,
		CongestionThreshold: cfg.MaxBackground,
		// Splicing costs three more system calls a read and copies all the same.
		DisableSplice: true,
		// An inode is one version, so its pages never go stale; without this
		// reads are preceded by GETATTR.
		ExplicitDataCacheControl: true,
		// It lets one process map what another reads with O_DIRECT. Not
		// READDIRPLUS_AUTO: see dirHandle.wanted.
		ExtraCapabilities:       fuse.CAP_DIRECT_IO_ALLOW_MMAP,
		MaxInflightRequestBytes: maxInflight,
		Logger:                  logger,
		Debug:                   cfg.Debug,
		PanicHandler: func(p any) fuse.Status {
			// A crash would be ENOTCONN for every open file; a handler holds no
			// lock while it calls anything, so one EIO is the whole damage.
			cfg.Logger.Error("panic in a request", "panic", p, "stack", string(debug.Stack()))
			return fuse.EIO
		},
	}
}

func bridgeOptions(cfg Config, mount fuse.MountOptions) *fs.Options {
	root := (&tree{cfg: cfg}).dirAttr("")
	return &fs.Options{
		MountOptions: mount,
		// Mode 0000 is meant (rule 15); times to live are set with each answer.
		NullPermissions: true,
		RootStableAttr:  &root,
		Logger:          mount.Logger,
	}
}

func (c Config) allowOther() bool { return c.AllowOther || c.AllowRoot }

// kernelOptions returns what is added to ro, nosuid and nodev, which are forced:
// a bucket must not be able to hand out set-uid programs or devices.
func (c Config) kernelOptions() []string {
	var out []string
	// Without it modes are cosmetic, and with other users let in they must not be.
	if c.DefaultPermissions || c.allowOther() {
		out = append(out, "default_permissions")
	}
	for _, o := range c.KernelOptions {
		switch o {
		case "", "ro", "rw", "suid", "nosuid", "dev", "nodev", "default_permissions":
		default:
			if !slices.Contains(out, o) {
				out = append(out, o)
			}
		}
	}
	return out
}

// mountFlag returns the bits that mount(2) wants to have as flags, and not in its
// data, for an option; ok is false for one that belongs in the data.
func mountFlag(option string) (set, clear uintptr, ok bool) {
	switch option {
	case "noexec":
		return unix.MS_NOEXEC, 0, true
	case "exec":
		return 0, unix.MS_NOEXEC, true
	case "noatime":
		return unix.MS_NOATIME, 0, true
	case "atime":
		return 0, unix.MS_NOATIME, true
	case "nodiratime":
		return unix.MS_NODIRATIME, 0, true
	case "diratime":
		return 0, unix.MS_NODIRATIME, true
	case "relatime":
		return unix.MS_RELATIME, 0, true
	case "norelatime":
		return 0, unix.MS_RELATIME, true
	case "strictatime":
		return unix.MS_STRICTATIME, 0, true
	case "sync":
		return unix.MS_SYNCHRONOUS, 0, true
	case "dirsync":
		return unix.MS_DIRSYNC, 0, true
	case "async", "nostrictatime":
		return 0, 0, true
	}
	return 0, 0, false
}

// mountArgs returns mount(2)'s flags and data, the connection's own part excepted.
func (c Config) mountArgs() (flags uintptr, data string) {
	flags = unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV
	var rest []string
	if c.allowOther() {
		rest = append(rest, "allow_other")
	}
	for _, o := range c.kernelOptions() {
		set, clear, ok := mountFlag(o)
		if !ok {
			if name, value, _ := strings.Cut(o, "="); strings.Contains(value, ",") {
				o = name + `="` + value + `"` // the categories of a label: context="u:r:t:s0:c1,c2"
			}
			rest = append(rest, o)
			continue
		}
		flags = flags&^clear | set
	}
	return flags, strings.Join(rest, ",")
}
