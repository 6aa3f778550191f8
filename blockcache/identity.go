package blockcache

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"github.com/zs3fs/zs3fs/s3backend"
)

// identity names a version in a namespace. No key ever becomes a path: files on
// disk are named after it.
//
// The version id is not part of it. A listing does not carry the id and a HEAD
// does, so that the same bytes would have two identities, and two cached copies,
// depending on how they were looked up. Nothing is lost: S3 promises that two
// versions of a key with equal ETag and size have equal bytes (the ETag is the
// MD5 of the content, of its parts, or unique), and the GET that fills a block
// is bound to the ETag by If-Match, not to the id.
type identity [sha256.Size]byte

// identityFormat is hashed first, so that a change of the rule above can never
// meet a file named by the old one.
const identityFormat = "zs3fs version 1"

func identify(ns Namespace, obj s3backend.Object) identity {
	return hashFields(identityFormat, ns.Endpoint, ns.Bucket, ns.KeyID, obj.Key, obj.ETag,
		string(binary.BigEndian.AppendUint64(nil, uint64(obj.Size))))
}

// hashFields hashes length-prefixed fields: no two lists of fields run together
// to the same bytes.
func hashFields(fields ...string) identity {
	h := sha256.New()
	var length [8]byte
	for _, f := range fields {
		binary.BigEndian.PutUint64(length[:], uint64(len(f)))
		h.Write(length[:])
		h.Write([]byte(f))
	}
	return identity(h.Sum(nil))
}

// parseIdentity is the inverse of String.
func parseIdentity(s string) (id identity, ok bool) {
	raw, err := hex.DecodeString(s)
	if err != nil || len(raw) != len(id) || hex.EncodeToString(raw) != s {
		return id, false
	}
	return identity(raw), true
}

func (id identity) String() string { return hex.EncodeToString(id[:]) }
