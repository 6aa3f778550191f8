package s3test

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
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
	// MD5 makes the ETag the MD5 of all bytes, as S3 does for an object put in one
	// piece, where the content names another. Putting reads all of it.
	MD5 bool
	// Encryption is the stored x-amz-server-side-encryption, such as "aws:kms".
	Encryption string
	// NoChecksum: the object is of a time before S3 kept CRC64NVME of all.
	NoChecksum bool
	// Composite: the checksum kept is one of the parts' checksums.
	Composite bool
	// ChecksumOf, if not nil, is what the checksum kept is of: the bytes changed
	// at rest since, or were never those that the checksum was made of.
	ChecksumOf Content
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

// crc returns the CRC64NVME that the store keeps of the whole object.
func (v *version) crc() uint64 {
	v.once.Do(func() {
		c := v.content
		if v.opts.ChecksumOf != nil {
			c = v.opts.ChecksumOf
		}
		h := crc64nvme.New()
		if _, err := io.Copy(h, io.NewSectionReader(c, 0, c.Size())); err != nil {
			panic(err) // contents are values in memory
		}
		v.sum = h.Sum64()
	})
	return v.sum
}

// setChecksum adds the header that S3 has when asked for checksums.
func (v *version) setChecksum(h http.Header) {
	if v.opts.NoChecksum {
		return
	}
	text := base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, v.crc()))
	kind := "FULL_OBJECT"
	if v.opts.Composite {
		text, kind = text+"-2", "COMPOSITE"
	}
	h.Set("x-amz-checksum-crc64nvme", text)
	h.Set("x-amz-checksum-type", kind)
}

// checksum is what the header says, in Mem's terms.
func (v *version) checksum() s3backend.Checksum {
	var c s3backend.Checksum
	if !v.opts.NoChecksum && !v.opts.Composite {
		c.CRC64NVME, c.HasCRC = v.crc(), true
	}
	clear := v.opts.CustomerKeyMD5 == "" && (v.opts.Encryption == "" || v.opts.Encryption == "AES256")
	if md5, err := hex.DecodeString(strings.Trim(v.obj.ETag, `"`)); clear && err == nil && len(md5) == len(c.MD5) {
		c.MD5, c.HasMD5 = [16]byte(md5), true
	}
	return c
}

// readable says that the bytes can be had: not archived, or restored.
func (v *version) readable() bool { return !v.obj.Archived() }

// listed returns the object as a listing shows it.
func (v *version) listed() s3backend.Object {
	o := v.obj
	o.VersionID, o.ContentType, o.Restored = "", "", false
	return o
}
