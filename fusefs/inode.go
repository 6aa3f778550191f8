package fusefs

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"

	"github.com/zs3fs/zs3fs/s3backend"
)

// inoOf returns the inode number of path: the same after a remount, and the same
// for a key that is reached by a mount of its bucket or of a prefix.
func inoOf(fsName, path string) uint64 {
	sum := sha256.Sum256([]byte(strings.TrimSuffix(fsName, "/") + "/" + path))
	ino := binary.LittleEndian.Uint64(sum[:])
	if ino < 2 || ino == ^uint64(0) {
		return 2 // 0, 1 and the highest mean something to the kernel or go-fuse
	}
	return ino
}

// ino returns the inode number of what path stands for, whatever it is called. Where a
// directory has the same key, the other has a number apart.
func (t *tree) ino(path string) uint64 {
	key, beside := t.cfg.Catalog.Identity(path)
	if beside {
		return inoOf("object "+t.cfg.FSName, key)
	}
	return inoOf(t.cfg.FSName, key)
}

// generationOf tells versions of one key apart. Since go-fuse takes two nodes
// with equal number and generation for hard links, it covers the key as well:
// 128 bits together, where the number's 64 alone would be too few to show another
// file's bytes never. ETag and size make the version, not its id: a listing does
// not carry the id, and equal ETags are equal bytes.
func generationOf(o s3backend.Object) uint64 {
	h := sha256.New()
	for _, s := range []string{o.Key, o.ETag, strconv.FormatInt(o.Size, 10)} {
		h.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(s))))
		h.Write([]byte(s))
	}
	return binary.LittleEndian.Uint64(h.Sum(nil))
}

func (t *tree) dirAttr(path string) fs.StableAttr {
	return fs.StableAttr{
		Mode: syscall.S_IFDIR,
		Ino:  t.ino(path),
		Gen:  generationOf(s3backend.Object{Key: path}),
	}
}
