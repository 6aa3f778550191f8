package blockcache

import (
	"errors"
	"io"

	"golang.org/x/sys/unix"
)

const (
	objectsName = "objects"
	mapSuffix   = ".map"
)

// files are a version's two, open.
type files struct {
	data, entries int
	writable      bool
}

func (f files) close() {
	unix.Close(f.data)
	unix.Close(f.entries)
}

// names returns a version's directory below objects and its data's name there.
func (id identity) names() (shard, name string) {
	s := id.String()
	return s[:2], s[2:]
}

// shard opens the directory of a version; with create it makes what is missing,
// also what was removed under us.
func (d *disk) shard(id identity, create bool) (int, error) {
	open := openDir
	if create {
		open = makeDir
	}
	objects, err := open(d.home.fd, objectsName)
	if err != nil {
		return -1, err
	}
	defer unix.Close(objects)
	shard, _ := id.names()
	return open(objects, shard)
}

// openFiles opens a version's files. What is not whole and its own is removed:
// then the error is errDamaged, and ENOENT when there was nothing. The map's seal
// comes along, nil when there is none.
func (d *disk) openFiles(h header) (files, *seal, error) {
	dir, err := d.shard(h.id, false)
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return files{}, nil, unix.ENOENT
	}
	if err != nil {
		return files{}, nil, err
	}
	defer unix.Close(dir)
	f, old, err := d.openPair(dir, h)
	_, name := h.id.names()
	if errors.Is(err, unix.ENOENT) && exists(dir, name) || errors.Is(err, unix.ENOENT) && exists(dir, name+mapSuffix) {
		err = errDamaged
	}
	// A map whose record rots on ZFS cannot be read ever after. It goes, too; but
	// the disk may be the cause, so that the error stands and is counted as one.
	if errors.Is(err, errDamaged) || errors.Is(err, unix.EIO) {
		if err := removePair(dir, name); err != nil {
			return files{}, nil, err
		}
	}
	return f, old, err
}

func (d *disk) openPair(dir int, h header) (files, *seal, error) {
	_, name := h.id.names()
	entries, st, _, err := openFile(dir, name+mapSuffix)
	if err != nil {
		return files{}, nil, err
	}
	raw := make([]byte, entriesOffset)
	if st.Size != h.mapSize() {
		err = errDamaged
	} else if err = d.sys.readFull(entries, raw, 0); isTruncated(err) {
		err = errDamaged
	} else if err == nil {
		if got, bad := decodeHeader(raw[:headerSize]); bad != nil || got != h {
			err = errDamaged
		}
	}
	var data int
	var writable bool
	if err == nil {
		data, st, writable, err = openFile(dir, name)
	}
	if err == nil && st.Size != h.size {
		unix.Close(data)
		err = errDamaged
	}
	if err != nil {
		unix.Close(entries)
		return files{}, nil, err
	}
	f := files{data, entries, writable}
	if old, ok := decodeSeal(raw[sealOffset:]); ok {
		return f, &old, nil
	}
	return f, nil, nil
}

// createFiles makes a version's files anew, the data first: a map without data
// must not exist.
func (d *disk) createFiles(h header) (files, error) {
	dir, err := d.shard(h.id, true)
	if err != nil {
		return files{}, err
	}
	defer unix.Close(dir)
	_, name := h.id.names()
	if err := removePair(dir, name); err != nil {
		return files{}, err
	}
	f := files{writable: true}
	if f.data, err = createFile(dir, name, h.size); err != nil {
		return files{}, err
	}
	if f.entries, err = createFile(dir, name+mapSuffix, h.mapSize()); err == nil {
		if err = d.sys.writeFull(f.entries, h.encode(), 0); err == nil {
			return f, nil
		}
		unix.Close(f.entries)
	}
	unix.Close(f.data)
	return files{}, errors.Join(err, removePair(dir, name))
}

// removePair removes a version's files, the map first.
func removePair(dir int, name string) error {
	if err := removeName(dir, name+mapSuffix); err != nil {
		return err
	}
	return removeName(dir, name)
}

func exists(dir int, name string) bool {
	var st unix.Stat_t
	return unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil
}

func isTruncated(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }
