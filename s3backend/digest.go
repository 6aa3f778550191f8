package s3backend

import (
	"encoding/hex"
	"strconv"
)

// Digest is an ETag of S3's usual form in 20 bytes instead of the 48 of a string: a
// million of them are kept.
type Digest struct {
	Sum   [16]byte
	Parts uint32 // of a multipart upload; 0 for none
}

// ParseDigest reads 32 lower-case digits in quotes, with "-N" for N parts; ok is false
// for every ETag that Digest.ETag would not give back as it is, and d is zero then.
func ParseDigest(etag string) (d Digest, ok bool) {
	const digits = 2 * len(d.Sum)
	if len(etag) < digits+2 || etag[0] != '"' || etag[len(etag)-1] != '"' {
		return Digest{}, false
	}
	for i := range d.Sum {
		hi, lo := hexDigit(etag[1+2*i]), hexDigit(etag[2+2*i])
		if hi < 0 || lo < 0 {
			return Digest{}, false
		}
		d.Sum[i] = byte(hi<<4 | lo)
	}
	rest := etag[1+digits : len(etag)-1]
	if rest == "" {
		return d, true
	}
	if len(rest) < 2 || rest[0] != '-' || rest[1] < '1' || rest[1] > '9' {
		return Digest{}, false
	}
	n, err := strconv.ParseUint(rest[1:], 10, 32)
	if err != nil {
		return Digest{}, false
	}
	d.Parts = uint32(n)
	return d, true
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}

// ETag returns what ParseDigest has read.
func (d Digest) ETag() string {
	text := make([]byte, 0, 48)
	text = append(text, '"')
	text = hex.AppendEncode(text, d.Sum[:])
	if d.Parts > 0 {
		text = append(text, '-')
		text = strconv.AppendUint(text, uint64(d.Parts), 10)
	}
	return string(append(text, '"'))
}
