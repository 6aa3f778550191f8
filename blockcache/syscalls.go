package blockcache

import (
	"encoding/binary"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// syscalls is what moves block bytes; tests put failing and hanging ones here.
type syscalls struct {
	pread  func(fd int, p []byte, off int64) (int, error)
	pwrite func(fd int, p []byte, off int64) (int, error)
	punch  func(fd int, off, n int64) error
	free   func(fd int) (int64, error) // bytes free to us in the file system
	// sync has all that was written to the file system on the disk, and fails when some
	// was lost on its way there since fd was opened.
	sync func(fd int) error
	// boot tells this boot, and mount of the file system, from all others. A file system
	// that failed and was mounted anew may lack data that is older than what it has.
	boot func(fd int) ([]byte, error)
	// filesystem names the file system; "unknown" when it cannot be told.
	filesystem func(fd int) string
}

func realSyscalls() syscalls {
	return syscalls{
		pread:  unix.Pread,
		pwrite: unix.Pwrite,
		punch: func(fd int, off, n int64) error {
			_, err := retryInt(func() (int, error) {
				return 0, unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, off, n)
			})
			return err
		},
		free: func(fd int) (int64, error) {
			var st unix.Statfs_t
			if _, err := retryInt(func() (int, error) { return 0, unix.Fstatfs(fd, &st) }); err != nil {
				return 0, err
			}
			return int64(st.Bavail) * st.Bsize, nil
		},
		sync: func(fd int) error {
			_, err := retryInt(func() (int, error) { return 0, unix.Syncfs(fd) })
			return err
		},
		filesystem: func(fd int) string {
			var st unix.Statfs_t
			if unix.Fstatfs(fd, &st) != nil {
				return "unknown"
			}
			return filesystemName(int64(st.Type))
		},
		boot: func(fd int) ([]byte, error) {
			var st unix.Statx_t
			err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_MNT_ID_UNIQUE, &st)
			if err == nil && st.Mask&unix.STATX_MNT_ID_UNIQUE == 0 {
				err = unix.ENOSYS // before Linux 6.8
			}
			if err != nil {
				return nil, err
			}
			id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
			return binary.BigEndian.AppendUint64(id, st.Mnt_id), err
		},
	}
}

// readFull reads all of p; a file that ends before is io.ErrUnexpectedEOF.
func (s *syscalls) readFull(fd int, p []byte, off int64) error {
	for len(p) > 0 {
		n, err := retryInt(func() (int, error) { return s.pread(fd, p, off) })
		if err != nil {
			return err
		}
		if n == 0 {
			return io.ErrUnexpectedEOF
		}
		p, off = p[n:], off+int64(n)
	}
	return nil
}

func (s *syscalls) writeFull(fd int, p []byte, off int64) error {
	for len(p) > 0 {
		n, err := retryInt(func() (int, error) { return s.pwrite(fd, p, off) })
		if err != nil {
			return err
		}
		if n == 0 {
			return io.ErrShortWrite
		}
		p, off = p[n:], off+int64(n)
	}
	return nil
}

// filesystemName names what statfs found.
func filesystemName(magic int64) string {
	names := map[int64]string{
		0x2fc12fc1: "zfs",
		0xef53:     "ext4",
		0x58465342: "xfs",
		0x9123683e: "btrfs",
		0x01021994: "tmpfs",
		0x794c7630: "overlay",
		0x6969:     "nfs",
		0x65735546: "fuse",
		0xf2f52010: "f2fs",
		0xca451a4e: "bcachefs",
		0xff534d42: "cifs",
		0xfe534d42: "smb2",
		0x01021997: "9p",
		0x4d44:     "vfat",
	}
	if name, ok := names[magic]; ok {
		return name
	}
	return "unknown"
}
