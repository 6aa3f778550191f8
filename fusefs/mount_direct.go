package fusefs

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// mountDirect calls mount(2) and returns the connection. go-fuse could do it too,
// but leaves the descriptor open across exec: a child of the daemon (a
// credential_process) would then keep the connection alive after the daemon was
// killed, and readers would hang instead of getting ENOTCONN. Nor does it give
// mount flags, and it stats the mount point first.
func mountDirect(path string, cfg Config) (fd int, err error) {
	fd, err = unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: "/dev/fuse", Err: err}
	}
	flags, extra := cfg.mountArgs()
	data := fmt.Sprintf("fd=%d,rootmode=%o,user_id=%d,group_id=%d,max_read=%d",
		fd, unix.S_IFDIR, os.Geteuid(), os.Getegid(), maxRead)
	if extra != "" {
		data += "," + extra
	}
	source := cfg.FSName
	if source == "" {
		source = fsType
	}
	if err := unix.Mount(source, path, "fuse."+fsType, flags, data); err != nil {
		unix.Close(fd)
		return -1, &os.PathError{Op: "mount", Path: path, Err: err}
	}
	return fd, nil
}
