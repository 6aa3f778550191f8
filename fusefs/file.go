package fusefs

import (
	"sync/atomic"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"

	"github.com/zs3fs/zs3fs/s3backend"
)

// file is one version of an object. When the object changes, the next lookup
// makes another file; handles of this one stay with it. There may be a million, so
// that it holds the object packed: 256 bytes in all instead of 400.
type file struct {
	fs.Inode
	parent  *dir
	name    string
	version uint64 // generationOf the object; the inode's own generation may be a later one

	// The object is always the same bytes.
	key    string
	size   int64
	digest s3backend.Digest // its ETag; zero if that is none, and more has it

	// retired: another inode is to take the name.
	retired atomic.Bool
	// gone: a read has found that the bucket has another version, and no lookup
	// has found this one since.
	gone   atomic.Bool
	course course

	// A later look at the object may know more, such as its version id, or that it
	// was put again unchanged; course.mu guards the following.
	mtime int64 // Unix time in seconds; as of the zero time.Time if unknown
	more  *more
}

// more is what is alike for many files of a directory, or told by HEAD only. It is
// immutable and shared by files in a row.
type more struct {
	etag                                 string // one that is no Digest
	storageClass, versionID, contentType string
	restored                             bool
}

func newFile(d *dir, name string, o s3backend.Object) *file {
	f := &file{parent: d, name: name, version: generationOf(o), key: o.Key, size: o.Size}
	f.digest, _ = s3backend.ParseDigest(o.ETag)
	f.set(o)
	return f
}

func (f *file) path() string { return f.parent.join(f.name) }

// object returns what was learnt last of the object.
func (f *file) object() s3backend.Object {
	f.course.mu.Lock()
	mtime, m := f.mtime, f.more
	f.course.mu.Unlock()
	o := s3backend.Object{
		Key: f.key, ETag: m.etag, Size: f.size, ModTime: time.Unix(mtime, 0).UTC(),
		StorageClass: m.storageClass, VersionID: m.versionID, ContentType: m.contentType, Restored: m.restored,
	}
	if f.digest != (s3backend.Digest{}) {
		o.ETag = f.digest.ETag()
	}
	return o
}

// set takes what o says beyond its bytes.
func (f *file) set(o s3backend.Object) {
	m := more{storageClass: o.StorageClass, versionID: o.VersionID, contentType: o.ContentType, restored: o.Restored}
	if f.digest == (s3backend.Digest{}) {
		m.etag = o.ETag
	}
	shared := f.parent.more.Load()
	if shared == nil || *shared != m {
		shared = &m
		f.parent.more.Store(shared)
	}
	f.course.mu.Lock()
	f.mtime, f.more = o.ModTime.Unix(), shared
	f.course.mu.Unlock()
}

// refresh takes a later look at the same bytes. A listing knows no content type, not
// whether it was restored, and no version id but where it is one of versions, so that it
// does not replace what HEAD said of the same put. HEAD leaves STANDARD out.
func (f *file) refresh(o s3backend.Object) {
	f.gone.Store(false)
	f.course.mu.Lock()
	mtime, m := f.mtime, f.more
	f.course.mu.Unlock()
	if (o.VersionID == "" || o.VersionID == m.versionID) && o.ContentType == "" && o.ModTime.Unix() == mtime &&
		storageClass(o) == storageClass(s3backend.Object{StorageClass: m.storageClass}) && (m.restored || !o.Restored) {
		return
	}
	f.set(o)
}
