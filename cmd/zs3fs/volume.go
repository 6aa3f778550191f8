package main

import (
	"errors"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// zfsMagic is statfs's type of ZFS; Linux's own headers do not have it.
const zfsMagic = 0x2fc12fc1

// volume is the file system that the cache lies on; sizes in bytes.
type volume struct {
	// size is what it holds and what it can still take: on ZFS that follows the
	// dataset's refquota and the pool's space. Free space would be the wrong measure
	// of a share: what is cached already would count against the cache.
	size int64
	used int64
	// record is the record size on ZFS, whose statfs counts in these.
	record int64
	zfs    bool
}

// volumeOf describes the file system that path is, or will be, on.
func volumeOf(path string) (volume, error) {
	for {
		var st unix.Statfs_t
		err := unix.Statfs(path, &st)
		if err == nil {
			return volume{
				size: int64(st.Blocks) * st.Bsize, used: int64(st.Blocks-st.Bfree) * st.Bsize,
				record: st.Bsize, zfs: st.Type == zfsMagic,
			}, nil
		}
		if !errors.Is(err, fs.ErrNotExist) || path == "/" {
			return volume{}, err
		}
		path = filepath.Dir(path)
	}
}
