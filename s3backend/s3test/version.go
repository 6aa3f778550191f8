package s3test

import (
	"sync"
	"time"

	"github.com/minio/crc64nvme"

	"github.com/zs3fs/zs3fs/s3backend"
)

// PutOptions say what Put leaves to the bucket. The zero value of a field is what
// S3 would choose.
type PutOptions struct {
	ModTime      time.Time // now; kept as whole seconds, as S3 shows them
	ETag         string    // from the content, see Tagged; with its quotes
	ContentType  string    // binary/octet-stream
	StorageClass string    // STANDARD
	// Encoding is the stored Content-Encoding; the bytes are served as they are.
	Encoding string
	// RestoredUntil, if not zero, gives an archived object a readable copy.
	RestoredUntil time.Time
	// CustomerKeyMD5 is the base64 MD5 of the SSE-C key without which the Server
	// neither shows nor serves the object. Mem itself asks for none.
	CustomerKeyMD5 string
	// NoChecksum: the object is of a time before S3 kept CRC64NVME of all.
	NoChecksum bool
}

// version is one version of one key; immutable but for the checksum, which is
// worked out when it is first asked for.
type version struct {
	obj     s3backend.Object
	content Content
	opts    PutOptions
	deleted bool // a delete marker

	once sync.Once
	sum  uint64
}

// crc returns the CRC64NVME of the whole content.
func (v *version) crc() uint64 {
	v.once.Do(func() {
		buf := make([]byte, 1<<20)
		for off := int64(0); off < v.obj.Size; {
			n := min(int64(len(buf)), v.obj.Size-off)
			if k, err := v.content.ReadAt(buf[:n], off); int64(k) < n {
				panic(err) // contents are values in memory
			}
			v.sum = crc64nvme.Update(v.sum, buf[:n])
			off += n
		}
	})
	return v.sum
}

// readable says that the bytes can be had: not archived, or restored.
func (v *version) readable() bool { return !v.obj.Archived() }

// listed returns the object as a listing shows it.
func (v *version) listed() s3backend.Object {
	o := v.obj
	o.VersionID, o.ContentType, o.Restored = "", "", false
	return o
}
