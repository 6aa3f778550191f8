package mountopt

import "strings"

// Action is what is done with an option that is not one of zs3fs's own.
type Action int

const (
	// Unknown options are none of the generic ones.
	Unknown Action = iota
	// Ignore: mount(8), systemd or libfuse own it, or it is what zs3fs does anyway.
	Ignore
	// Kernel: handed to mount(2).
	Kernel
	// ReadWrite: the user asked for a writable mount, which this is not.
	ReadWrite
	// Remount: asks for a change of a mount in place.
	Remount
)

var generic = map[string]Action{
	"ro": Ignore, "rw": ReadWrite, "remount": Remount,

	// mount(8), fstab and systemd.
	"defaults": Ignore, "auto": Ignore, "noauto": Ignore, "user": Ignore, "nouser": Ignore,
	"users": Ignore, "nousers": Ignore, "owner": Ignore, "noowner": Ignore, "group": Ignore, "nogroup": Ignore,
	"-netdev": Ignore, "nofail": Ignore, "comment": Ignore, "loud": Ignore, "silent": Ignore,

	// nosuid and nodev are forced: a bucket's contents must never gain rights.
	"nosuid": Ignore, "nodev": Ignore, "suid": Ignore, "dev": Ignore,

	"noexec": Kernel, "exec": Kernel, "noatime": Kernel, "atime": Kernel, "nodiratime": Kernel,
	"diratime": Kernel, "relatime": Kernel, "norelatime": Kernel, "strictatime": Kernel,
	"sync": Kernel, "async": Kernel, "dirsync": Kernel,
	"context": Kernel, "fscontext": Kernel, "defcontext": Kernel, "rootcontext": Kernel,

	// libfuse's, obsolete or without a meaning here.
	"auto-unmount": Ignore, "subtype": Ignore, "max-read": Ignore, "big-writes": Ignore,
	"kernel-cache": Ignore, "auto-cache": Ignore, "noauto-cache": Ignore,
	"intr": Ignore, "nointr": Ignore, "large-read": Ignore, "splice-read": Ignore, "splice-write": Ignore,
	"splice-move": Ignore, "noforget": Ignore, "hard-remove": Ignore, "use-ino": Ignore, "readdir-ino": Ignore,
	"fd": Ignore, "rootmode": Ignore, "user-id": Ignore, "group-id": Ignore, "blkdev": Ignore,

	// Other S3 mounts': what they ask for is always so.
	"implicit-dirs": Ignore, "virtual-directory": Ignore, "compat-dir": Ignore, "no-implicit-dir": Ignore,
}

// Classify says what an option is; its name must be normalized.
func Classify(name string) Action {
	if strings.HasPrefix(name, "x-") || strings.HasPrefix(name, "X-") {
		return Ignore
	}
	return generic[name]
}

// Names returns the generic names, for suggestions.
func Names() []string {
	names := make([]string, 0, len(generic))
	for name := range generic {
		names = append(names, name)
	}
	return names
}
