package s3backend

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"io/fs"
	"net/http"
	"strings"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Checksum is what the store itself keeps of a whole object's bytes: an
// immutable value. The zero value says that it keeps nothing which can be
// compared with them.
type Checksum struct {
	// CRC64NVME of all bytes of the object, however it was put; known when HasCRC.
	CRC64NVME uint64
	HasCRC    bool
	// MD5 of all bytes, known when HasMD5: from the ETag of an object put in one
	// piece. No document promises that of every server; where HasCRC is set too,
	// the CRC is the one to believe.
	MD5    [16]byte
	HasMD5 bool
}

// Checksummer is a Bucket that can say what the store itself keeps of an object's
// bytes: optional, since without it all reads are as right, only not proved.
type Checksummer interface {
	// Checksum asks for the checksum of exactly the version obj: a small request,
	// without the object's bytes. That the store keeps none is no error but the
	// zero Checksum. When the version is gone the error is ErrChanged. May be
	// called concurrently; errors are as those of Bucket's methods.
	Checksum(ctx context.Context, obj Object) (Checksum, error)
}

// ChecksummedBody is what a body returned by [Bucket.Open] may be beside its io
// methods: the answer with a whole object carries the checksum for nothing.
type ChecksummedBody interface {
	// Checksum is known, from the time that Open returned it on, when the body is
	// the whole object; the zero Checksum when the first answer named none. May be
	// called concurrently with the body's other methods.
	Checksum() (Checksum, bool)
}

var _ Checksummer = (*Client)(nil)

// Checksum implements Checksummer, by HeadObject.
func (c *Client) Checksum(ctx context.Context, obj Object) (Checksum, error) {
	const op = "checksum"
	if obj.Key == "" {
		return Checksum{}, opError(op, obj.Key, fs.ErrInvalid)
	}
	var sum Checksum
	err := c.orFormer(ctx, &obj, func() error {
		return c.call(ctx, op, obj.Key, func(ctx context.Context) error {
			header, err := c.headVersion(ctx, obj)
			if c.unexplained(err) {
				return c.headReason(ctx, obj.Key, nil, err)
			}
			sum = c.checksumOf(header)
			return err
		})
	})
	if err != nil {
		return Checksum{}, err
	}
	return sum, nil
}

// headVersion sends one HEAD for the version obj and returns its header, once it
// is right: like a GET's, it may be of another version in spite of If-Match.
func (c *Client) headVersion(ctx context.Context, obj Object) (http.Header, error) {
	in := &s3.HeadObjectInput{
		Bucket:               &c.o.Bucket,
		Key:                  &obj.Key,
		ChecksumMode:         types.ChecksumModeEnabled,
		RequestPayer:         c.payer,
		SSECustomerAlgorithm: c.sse.algorithm,
		SSECustomerKey:       c.sse.key,
		SSECustomerKeyMD5:    c.sse.md5,
	}
	if obj.ETag != "" {
		in.IfMatch = &obj.ETag
	}
	var out *s3.HeadObjectOutput
	err := c.byVersion(obj, func(id *string) (err error) {
		in.VersionId = id
		out, err = c.s3.HeadObject(ctx, in, c.inRegion)
		return err
	})
	if err != nil {
		return nil, err
	}
	raw, ok := awsmiddleware.GetRawResponse(out.ResultMetadata).(*smithyhttp.Response)
	switch {
	case !ok:
		return nil, wrongAnswer("no HTTP answer")
	case raw.ContentLength < 0:
		return nil, wrongAnswer("HEAD without a length")
	}
	if err := checkETag(raw.Header, obj.ETag); err != nil {
		return nil, err
	}
	if raw.ContentLength != obj.Size {
		return nil, changed("the size is %d and was %d", raw.ContentLength, obj.Size)
	}
	return raw.Header, nil
}

// checksumOf reads an answer's header, one about a whole object.
func (c *Client) checksumOf(h http.Header) Checksum {
	var sum Checksum
	sum.CRC64NVME, sum.HasCRC = parseCRC(h)
	sum.MD5, sum.HasMD5 = parseMD5(h)
	if directoryBucket(c.o.Bucket) {
		// S3 Express One Zone: its ETags look like an MD5 and are none.
		sum.MD5, sum.HasMD5 = [16]byte{}, false
	}
	return sum
}

// parseCRC takes a CRC of all the object's bytes only. One of the parts' CRCs
// (COMPOSITE) has "-" and the number of parts behind it, which is no base64.
func parseCRC(h http.Header) (uint64, bool) {
	switch types.ChecksumType(h.Get("X-Amz-Checksum-Type")) {
	case "", types.ChecksumTypeFullObject:
	default:
		return 0, false
	}
	sum, err := base64.StdEncoding.DecodeString(h.Get("X-Amz-Checksum-Crc64nvme"))
	if err != nil || len(sum) != 8 {
		return 0, false
	}
	return binary.BigEndian.Uint64(sum), true
}

// parseMD5 takes the ETag for an MD5 where S3 says that it is: of objects put in
// one piece, in the clear or encrypted with S3's own keys.
func parseMD5(h http.Header) (sum [16]byte, ok bool) {
	switch types.ServerSideEncryption(h.Get("X-Amz-Server-Side-Encryption")) {
	case "", types.ServerSideEncryptionAes256:
	default:
		return sum, false
	}
	if h.Get("X-Amz-Server-Side-Encryption-Customer-Algorithm") != "" {
		return sum, false
	}
	etag := strings.Trim(h.Get("ETag"), `"`)
	if len(etag) != hex.EncodedLen(len(sum)) {
		return sum, false
	}
	if _, err := hex.Decode(sum[:], []byte(etag)); err != nil {
		return [16]byte{}, false
	}
	return sum, true
}

// Unordered reports whether the bucket is of a kind that lists its keys without
// order: a directory bucket.
func (c *Client) Unordered() bool { return directoryBucket(c.o.Bucket) }

// directoryBucket knows the names that S3 gives to directory buckets and to
// their access points.
func directoryBucket(name string) bool {
	return strings.HasSuffix(name, "--x-s3") || strings.HasSuffix(name, "--xa-s3")
}
