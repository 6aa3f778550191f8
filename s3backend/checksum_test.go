package s3backend_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/minio/crc64nvme"

	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

var (
	dataCRC = crc64nvme.Checksum(data)
	crcText = base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, dataCRC))
	dataMD5 = md5.Sum(data)
	md5Tag  = fmt.Sprintf(`"%x"`, dataMD5)
)

// session is what a directory bucket wants to be asked for before anything else.
const session = `<CreateSessionResult><Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>s</SecretAccessKey>` +
	`<SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></CreateSessionResult>`

// TestChecksumHeaders: what an answer's header says of the bytes, and what it
// only seems to say.
func TestChecksumHeaders(t *testing.T) {
	const crc, kind, sse = "X-Amz-Checksum-Crc64nvme", "X-Amz-Checksum-Type", "X-Amz-Server-Side-Encryption"
	for _, tt := range []struct {
		name    string
		etag    string
		header  []string
		crc     bool
		md5     bool
		express bool
	}{
		{name: "both", etag: md5Tag, header: []string{crc, crcText, kind, "FULL_OBJECT"}, crc: true, md5: true},
		{name: "no type", etag: etag, header: []string{crc, crcText}, crc: true},
		{name: "of the parts", etag: etag, header: []string{crc, crcText + "-3"}},
		{name: "of the parts by type", etag: etag, header: []string{crc, crcText, kind, "COMPOSITE"}},
		{name: "of an unknown type", etag: etag, header: []string{crc, crcText, kind, "TREE"}},
		{name: "too short", etag: etag, header: []string{crc, "AAAAAAAA"}},
		{name: "too long", etag: etag, header: []string{crc, "AAAAAAAAAAAAAAAA"}},
		{name: "no base64", etag: etag, header: []string{crc, "!AAAAAAAAAA="}},
		{name: "of another kind", etag: etag, header: []string{"X-Amz-Checksum-Sha256", crcText, kind, "FULL_OBJECT"}},
		{name: "MD5 without quotes", etag: strings.Trim(md5Tag, `"`), md5: true},
		{name: "MD5 under S3's key", etag: md5Tag, header: []string{sse, "AES256"}, md5: true},
		{name: "KMS", etag: md5Tag, header: []string{sse, "aws:kms"}},
		{name: "KMS twice", etag: md5Tag, header: []string{sse, "aws:kms:dsse"}},
		{name: "KMS with a CRC", etag: md5Tag, header: []string{sse, "aws:kms", crc, crcText}, crc: true},
		{name: "SSE-C", etag: md5Tag, header: []string{sse + "-Customer-Algorithm", "AES256"}},
		{name: "multipart", etag: strings.TrimSuffix(md5Tag, `"`) + `-2"`},
		{name: "32 others", etag: `"` + strings.Repeat("g", 32) + `"`},
		{name: "directory bucket", etag: md5Tag, express: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			obj := object
			obj.ETag = tt.etag
			f := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
				if r.URL.Query().Has("session") {
					io.WriteString(w, session)
					return
				}
				if r.Header.Get("X-Amz-Checksum-Mode") != "ENABLED" || r.Header.Get("Range") != "" || r.Header.Get("If-Match") != tt.etag {
					t.Errorf("asked with %v", r.Header)
				}
				w.Header().Set("ETag", tt.etag)
				w.Header().Set("Content-Length", strconv.Itoa(objectSize))
				for i := 0; i < len(tt.header); i += 2 {
					w.Header().Set(tt.header[i], tt.header[i+1])
				}
				w.Write(data)
			})
			c := f.client(t, func(o *s3backend.Options) {
				if tt.express {
					o.Bucket = "bucket--use1-az4--x-s3"
				}
			})
			var want s3backend.Checksum
			if tt.crc {
				want.CRC64NVME, want.HasCRC = dataCRC, true
			}
			if tt.md5 {
				want.MD5, want.HasMD5 = dataMD5, true
			}
			if got, err := c.Checksum(context.Background(), obj); err != nil || got != want {
				t.Errorf("HEAD: %+v, %v; want %+v", got, err, want)
			}
			body, err := c.Open(context.Background(), obj, 0, objectSize)
			if err != nil {
				t.Fatal(err)
			}
			defer body.Close()
			got, known := body.(s3backend.ChecksummedBody).Checksum()
			if got != want || !known {
				t.Errorf("GET: %+v, %t; want %+v", got, known, want)
			}
			if p, err := io.ReadAll(body); err != nil || !bytes.Equal(p, data) {
				t.Errorf("%d bytes, %v", len(p), err)
			}
		})
	}
}

// The bytes are handed on as they came: whether they fit the checksum is for the
// caller to say, of all of them, and not for the SDK to say at their end.
func TestChecksumOfOtherBytes(t *testing.T) {
	m := s3test.NewMem()
	const size = 100_000
	obj := m.PutWith("k", s3test.Coded(1, 1, size), s3test.PutOptions{ChecksumOf: s3test.Coded(1, 2, size)})
	s, c := scripted(t, m)
	body, err := c.Open(t.Context(), obj, 0, size)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	p, err := io.ReadAll(body)
	if err != nil || len(p) != size {
		t.Errorf("%d bytes, %v", len(p), err)
	}
	sum, ok := body.(s3backend.ChecksummedBody).Checksum()
	if !ok || !sum.HasCRC || sum.CRC64NVME == crc64nvme.Checksum(p) {
		t.Errorf("%+v, %t", sum, ok)
	}
	if s.Count() != 1 {
		t.Errorf("%d requests", s.Count())
	}
}

// A body that broke off has the checksum of its first answer.
func TestChecksumOfResumedBody(t *testing.T) {
	m := s3test.NewMem()
	const size = 500_000
	obj := m.PutWith("k", s3test.Coded(1, 1, size), s3test.PutOptions{MD5: true})
	s, c := scripted(t, m)
	s.Inject(s3test.Fault{Match: s3test.Match{Times: 1}, Do: s3test.Truncate(1)})
	s.Inject(s3test.Fault{Match: s3test.Match{First: 2, Times: 1}, Do: s3test.Truncate(200_000)})
	body, err := c.Open(t.Context(), obj, 0, size)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	p, err := io.ReadAll(body)
	if err != nil || len(p) != size {
		t.Errorf("%d bytes, %v", len(p), err)
	}
	sum, ok := body.(s3backend.ChecksummedBody).Checksum()
	want := s3backend.Checksum{CRC64NVME: crc64nvme.Checksum(p), HasCRC: true, MD5: md5.Sum(p), HasMD5: true}
	if !ok || sum != want {
		t.Errorf("%+v, want %+v", sum, want)
	}
	if s.Count() != 3 {
		t.Errorf("%d requests, want 3", s.Count())
	}
}

// A range's answer says nothing of the whole object, whatever is in its header.
func TestNoChecksumOfRanges(t *testing.T) {
	f := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		if r.Header.Get("X-Amz-Checksum-Mode") != "" {
			t.Errorf("asked for a checksum of %s", r.Header.Get("Range"))
		}
		w.Header().Set("X-Amz-Checksum-Crc64nvme", crcText)
		right(w, r)
	})
	body, err := f.client(t).Open(context.Background(), object, off, n)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if sum, ok := body.(s3backend.ChecksummedBody).Checksum(); ok {
		t.Errorf("%+v", sum)
	}
}

// A server that answers the question for all with a range, as if asked for it:
// right bytes, and no checksum, which may be the range's.
func TestNoChecksumOfUnaskedRange(t *testing.T) {
	f := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		r.Header.Set("Range", fmt.Sprintf("bytes=0-%d", objectSize-1))
		w.Header().Set("X-Amz-Checksum-Crc64nvme", crcText)
		right(w, r)
	})
	body, err := f.client(t).Open(context.Background(), object, 0, objectSize)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if p, err := io.ReadAll(body); err != nil || !bytes.Equal(p, data) {
		t.Errorf("%d bytes, %v", len(p), err)
	}
	if sum, ok := body.(s3backend.ChecksummedBody).Checksum(); ok {
		t.Errorf("%+v", sum)
	}
}

// TestChecksumErrors: of exactly this version, or an error.
func TestChecksumErrors(t *testing.T) {
	answer := func(tag, length string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Amz-Checksum-Crc64nvme", crcText)
			for name, value := range map[string]string{"ETag": tag, "Content-Length": length} {
				if value != "" {
					w.Header().Set(name, value)
				}
			}
			w.WriteHeader(200)
		}
	}
	size := strconv.Itoa(objectSize)
	status := func(status int, code string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) { fail(w, status, code) }
	}
	for _, tt := range []struct {
		name   string
		answer func(http.ResponseWriter, *http.Request)
		want   error
		asked  int
	}{
		{"412", status(412, "PreconditionFailed"), s3backend.ErrChanged, 1},
		{"404", status(404, "NoSuchKey"), s3backend.ErrChanged, 1},
		{"405, a delete marker", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("x-amz-delete-marker", "true")
			fail(w, 405, "MethodNotAllowed")
		}, s3backend.ErrChanged, 1},
		{"405 of a gateway", status(405, "MethodNotAllowed"), s3backend.ErrBadAnswer, 1},
		{"403", status(403, "AccessDenied"), fs.ErrPermission, 2},
		{"If-Match ignored", answer(`"other"`, size), s3backend.ErrChanged, 1},
		{"another size", answer(etag, "5"), s3backend.ErrChanged, 1},
		{"no ETag", answer("", size), s3backend.ErrBadAnswer, 3},
		{"no length", answer(etag, ""), s3backend.ErrBadAnswer, 3},
		{"500", status(500, "InternalError"), s3backend.ErrUnavailable, 3},
		{"503", status(503, "SlowDown"), s3backend.ErrUnavailable, 3},
		{"token too old", status(400, "ExpiredToken"), s3backend.ErrCredentials, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) { tt.answer(w, r) })
			sum, err := f.client(t).Checksum(context.Background(), object)
			var op *s3backend.OpError
			if !errors.Is(err, tt.want) || !errors.As(err, &op) || op.Op != "checksum" || op.Key != object.Key {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			if sum != (s3backend.Checksum{}) {
				t.Errorf("%+v beside an error", sum)
			}
			if tt.asked > 0 && f.count() != tt.asked {
				t.Errorf("%d requests, want %d", f.count(), tt.asked)
			}
		})
	}
	f := serve(t, func(w http.ResponseWriter, r *http.Request, n int) {
		if n == 1 {
			fail(w, 500, "InternalError")
			return
		}
		answer(etag, size)(w, r)
	})
	if sum, err := f.client(t).Checksum(context.Background(), object); err != nil || sum.CRC64NVME != dataCRC {
		t.Errorf("after a failure: %+v, %v", sum, err)
	}
}

// The version id is asked for like Open does.
func TestChecksumOfVersionID(t *testing.T) {
	var asked []string
	f := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		id := r.URL.Query().Get("versionId")
		asked = append(asked, id)
		if id != "" {
			fail(w, 403, "AccessDenied")
			return
		}
		w.Header().Set("ETag", etag)
		w.Header().Set("Content-Length", strconv.Itoa(objectSize))
	})
	obj := object
	obj.VersionID = "v7"
	c := f.client(t)
	for range 2 {
		if _, err := c.Checksum(context.Background(), obj); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(asked, ","); got != "v7,," {
		t.Errorf("asked for versions %q", got)
	}
}
