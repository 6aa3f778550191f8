package s3backend

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// sseKey is a customer's encryption key in the form of the three headers. It
// does not format itself: a stray %v of a struct that holds it must not
// disclose it.
type sseKey struct {
	algorithm, key, md5 *string
	id                  string
}

func (sseKey) String() string   { return "SSE-C key" }
func (sseKey) GoString() string { return "SSE-C key" }

// readSSEKey reads 32 raw bytes or their base64, from a file so that the key is
// in no argument. Without a name it returns the zero value: no headers.
func readSSEKey(name string) (sseKey, error) {
	if name == "" {
		return sseKey{}, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return sseKey{}, fmt.Errorf("%w: SSE-C key file: %w", fs.ErrInvalid, err)
	}
	defer f.Close()
	const most = 128 // 44 of base64 and some white space
	text, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil {
		return sseKey{}, fmt.Errorf("%w: SSE-C key file: %w", fs.ErrInvalid, err)
	}
	raw := text
	if len(raw) != 32 {
		raw, err = base64.StdEncoding.DecodeString(string(bytes.TrimSpace(text)))
	}
	if err != nil || len(raw) != 32 {
		return sseKey{}, invalid("SSE-C key file %q must hold 32 bytes or their base64 (44 characters)", name)
	}
	sum := md5.Sum(raw) // the header's definition; it protects nothing
	id := sha256.Sum256(append([]byte("zs3fs SSE-C key id\x00"), raw...))
	return sseKey{
		algorithm: aws.String("AES256"),
		key:       aws.String(base64.StdEncoding.EncodeToString(raw)),
		md5:       aws.String(base64.StdEncoding.EncodeToString(sum[:])),
		id:        hex.EncodeToString(id[:8]),
	}, nil
}
