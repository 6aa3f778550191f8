package s3test_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/minio/crc64nvme"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

func TestRanges(t *testing.T) {
	f := serve(t, s3test.ServerConfig{})
	content := s3test.Coded(1, 1, 1000)
	f.mem.Put("k", content)
	f.mem.Put("empty", s3test.Bytes(nil))
	for _, tt := range []struct {
		key, ask string
		status   int
		off, n   int64
		says     string
	}{
		{"k", "", 200, 0, 1000, ""},
		{"k", "bytes=0-999", 206, 0, 1000, "bytes 0-999/1000"},
		{"k", "bytes=0-0", 206, 0, 1, "bytes 0-0/1000"},
		{"k", "bytes=10-19", 206, 10, 10, "bytes 10-19/1000"},
		{"k", "bytes=999-", 206, 999, 1, "bytes 999-999/1000"},
		{"k", "bytes=990-5000", 206, 990, 10, "bytes 990-999/1000"},
		{"k", "bytes=-5", 206, 995, 5, "bytes 995-999/1000"},
		{"k", "bytes=-5000", 206, 0, 1000, "bytes 0-999/1000"},
		{"k", "bytes=1000-", 416, 0, 0, "bytes */1000"},
		{"k", "bytes=-0", 416, 0, 0, "bytes */1000"},
		{"k", "bytes=5-4", 200, 0, 1000, ""},
		{"k", "bytes=0-1,5-6", 200, 0, 1000, ""},
		{"k", "lines=0-1", 200, 0, 1000, ""},
		{"k", "bytes=x-1", 200, 0, 1000, ""},
		{"empty", "", 200, 0, 0, ""},
		{"empty", "bytes=0-", 416, 0, 0, "bytes */0"},
	} {
		t.Run(tt.key+" "+tt.ask, func(t *testing.T) {
			g := f.must(t, "GET", "/"+tt.key, "Range", tt.ask)
			if g.StatusCode != tt.status || g.Header.Get("Content-Range") != tt.says {
				t.Fatalf("%d %q, want %d %q", g.StatusCode, g.Header.Get("Content-Range"), tt.status, tt.says)
			}
			if tt.status == 416 {
				if !bytes.Contains(g.body, []byte("<Code>InvalidRange</Code>")) {
					t.Errorf("%s", g.body)
				}
				return
			}
			if g.length() != tt.n || int64(len(g.body)) != tt.n {
				t.Fatalf("Content-Length %d, %d bytes, want %d", g.length(), len(g.body), tt.n)
			}
			if err := s3test.CheckCoded(g.body, tt.off, 1, 1); err != nil {
				t.Error(err)
			}
			h := f.must(t, "HEAD", "/"+tt.key, "Range", tt.ask)
			if h.StatusCode != tt.status || h.length() != tt.n || h.Header.Get("ETag") != g.Header.Get("ETag") {
				t.Errorf("HEAD: %d, %d bytes", h.StatusCode, h.length())
			}
		})
	}
}

func TestConditions(t *testing.T) {
	f := serve(t, s3test.ServerConfig{})
	at := time.Date(2024, 2, 3, 4, 5, 6, 0, time.UTC)
	obj := f.mem.PutWith("k", s3test.Bytes([]byte("abc")), s3test.PutOptions{ModTime: at})
	if obj.ETag != `"900150983cd24fb0d6963f7d28e17f72"` {
		t.Fatalf("ETag %s is not the MD5", obj.ETag)
	}
	before, after := at.Add(-time.Hour).Format(http.TimeFormat), at.Add(time.Hour).Format(http.TimeFormat)
	for _, tt := range []struct {
		header, value string
		status        int
	}{
		{"If-Match", obj.ETag, 200},
		{"If-Match", strings.Trim(obj.ETag, `"`), 200},
		{"If-Match", `"x", ` + obj.ETag, 200},
		{"If-Match", "*", 200},
		{"If-Match", `"x"`, 412},
		{"If-None-Match", obj.ETag, 304},
		{"If-None-Match", `"x"`, 200},
		{"If-Modified-Since", before, 200},
		{"If-Modified-Since", after, 304},
		{"If-Unmodified-Since", before, 412},
		{"If-Unmodified-Since", after, 200},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			g := f.must(t, method, "/k", tt.header, tt.value)
			if g.StatusCode != tt.status {
				t.Errorf("%s %s: %s: %d, want %d", method, tt.header, tt.value, g.StatusCode, tt.status)
			}
			if hasBody := method == "GET" && tt.status != 304; (len(g.body) > 0) != hasBody {
				t.Errorf("%s %s: body %q", method, tt.header, g.body)
			}
		}
	}
}

func TestErrorsAreS3s(t *testing.T) {
	f := serve(t, s3test.ServerConfig{Region: "eu-north-1"})
	f.mem.PutWith("cold", s3test.Bytes([]byte("x")), s3test.PutOptions{StorageClass: "GLACIER"})
	f.mem.PutWith("warm", s3test.Bytes([]byte("x")), s3test.PutOptions{StorageClass: "DEEP_ARCHIVE", RestoredUntil: time.Now()})
	f.mem.PutWith("locked", s3test.Bytes([]byte("x")), s3test.PutOptions{CustomerKeyMD5: "bWQ1"})
	const sse = "x-amz-server-side-encryption-customer-key-MD5"
	for _, tt := range []struct {
		method, path string
		header       []string
		status       int
		code         string
	}{
		{"GET", "/none", nil, 404, "NoSuchKey"},
		{"GET", "/none?versionId=3", nil, 404, "NoSuchVersion"},
		{"GET", "/cold", nil, 403, "InvalidObjectState"},
		{"HEAD", "/cold", nil, 200, ""},
		{"GET", "/warm", nil, 200, ""},
		{"GET", "/locked", nil, 400, "InvalidRequest"},
		{"HEAD", "/locked", nil, 400, ""},
		{"GET", "/locked", []string{sse, "b3RoZXI="}, 403, "AccessDenied"},
		{"GET", "/locked", []string{sse, "bWQ1"}, 200, ""},
		{"GET", "/warm", []string{sse, "bWQ1"}, 400, "InvalidRequest"},
		{"GET", "/", []string{"Host", "other.localhost"}, 404, "NoSuchBucket"},
		{"GET", "2/x", nil, 404, "NoSuchBucket"},
		{"PUT", "/k", nil, 405, "MethodNotAllowed"},
		{"DELETE", "/cold", nil, 405, "MethodNotAllowed"},
		{"POST", "/?delete", nil, 405, "MethodNotAllowed"},
		{"GET", "/warm?acl", nil, 501, "NotImplemented"},
		{"GET", "/?list-type=2&max-keys=x", nil, 400, "InvalidArgument"},
		{"GET", "/?list-type=2&max-keys=-1", nil, 400, "InvalidArgument"},
		{"GET", "/?list-type=2&encoding-type=utf", nil, 400, "InvalidArgument"},
		{"GET", "/?list-type=2&continuation-token=bWQ1", nil, 400, "InvalidArgument"},
		{"GET", "/?list-type=2&continuation-token=", nil, 400, "InvalidArgument"},
	} {
		g := f.must(t, tt.method, tt.path, tt.header...)
		if g.StatusCode != tt.status {
			t.Errorf("%s %s: %d, want %d", tt.method, tt.path, g.StatusCode, tt.status)
		}
		if tt.code != "" && (!bytes.Contains(g.body, []byte("<Code>"+tt.code+"</Code>")) || !bytes.Contains(g.body, []byte("<RequestId>"))) {
			t.Errorf("%s %s: %s, want %s", tt.method, tt.path, g.body, tt.code)
		}
	}
	if n := f.Mutating(); n != 3 {
		t.Errorf("%d mutating requests in the log, want 3", n)
	}
	if g := f.must(t, "HEAD", "/warm"); !strings.Contains(g.Header.Get("x-amz-restore"), `ongoing-request="false", expiry-date="`) ||
		g.Header.Get("x-amz-storage-class") != "DEEP_ARCHIVE" {
		t.Errorf("%v", g.Header)
	}
	if g := f.must(t, "HEAD", ""); g.StatusCode != 200 || g.Header.Get("x-amz-bucket-region") != "eu-north-1" {
		t.Errorf("HeadBucket: %d %v", g.StatusCode, g.Header)
	}
	if g := f.must(t, "GET", "/?location"); !bytes.Contains(g.body, []byte(">eu-north-1<")) {
		t.Errorf("location: %s", g.body)
	}
}

func TestRequesterPays(t *testing.T) {
	f := serve(t, s3test.ServerConfig{RequesterPays: true})
	f.mem.Put("k", s3test.Bytes([]byte("x")))
	if g := f.must(t, "GET", "/k"); g.StatusCode != 403 {
		t.Errorf("without the header: %d", g.StatusCode)
	}
	if g := f.must(t, "GET", "/k", "x-amz-request-payer", "requester"); g.StatusCode != 200 || g.Header.Get("x-amz-request-charged") != "requester" {
		t.Errorf("with it: %d", g.StatusCode)
	}
}

func TestVersions(t *testing.T) {
	f := serve(t, s3test.ServerConfig{})
	f.mem.SetVersioning(true)
	one := f.mem.Put("k", s3test.Coded(1, 1, 100))
	two := f.mem.Put("k", s3test.Coded(1, 2, 100))
	f.mem.Delete("k")
	for i, obj := range []string{one.VersionID, two.VersionID} {
		g := f.must(t, "GET", "/k?versionId="+obj)
		if g.StatusCode != 200 || g.Header.Get("x-amz-version-id") != obj {
			t.Errorf("version %s: %d", obj, g.StatusCode)
		}
		if err := s3test.CheckCoded(g.body, 0, 1, uint32(i+1)); err != nil {
			t.Error(err)
		}
	}
	if g := f.must(t, "GET", "/k"); g.StatusCode != 404 {
		t.Errorf("deleted: %d", g.StatusCode)
	}
}

func TestChecksumsAreOfWholeObjects(t *testing.T) {
	f := serve(t, s3test.ServerConfig{})
	const size = 3<<20 + 7
	f.mem.Put("k", s3test.Coded(1, 1, size))
	f.mem.PutWith("old", s3test.Coded(1, 1, size), s3test.PutOptions{NoChecksum: true})
	f.mem.PutWith("parts", s3test.Coded(1, 1, size), s3test.PutOptions{Composite: true})
	f.mem.PutWith("rotten", s3test.Coded(1, 1, size), s3test.PutOptions{ChecksumOf: s3test.Coded(1, 2, size)})
	base64Of := func(version uint32) string {
		sum := crc64nvme.Checksum(read(t, s3test.Coded(1, version, size), 0, size))
		return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, sum))
	}
	want, other := base64Of(1), base64Of(2)
	for _, tt := range []struct {
		method, key, mode, ask, want string
	}{
		{"HEAD", "k", "ENABLED", "", want},
		{"GET", "k", "ENABLED", "", want},
		{"GET", "k", "ENABLED", "bytes=0-5", ""},
		{"HEAD", "k", "", "", ""},
		{"HEAD", "old", "ENABLED", "", ""},
		{"HEAD", "rotten", "ENABLED", "", other},
		{"GET", "parts", "ENABLED", "", want + "-2"},
	} {
		g := f.must(t, tt.method, "/"+tt.key, "x-amz-checksum-mode", tt.mode, "Range", tt.ask)
		if h := g.Header.Get("x-amz-checksum-crc64nvme"); h != tt.want {
			t.Errorf("%v: checksum %q", tt, h)
		}
		kind := "FULL_OBJECT"
		if tt.want == "" {
			kind = ""
		} else if tt.key == "parts" {
			kind = "COMPOSITE"
		}
		if h := g.Header.Get("x-amz-checksum-type"); h != kind {
			t.Errorf("%v: type %q", tt, h)
		}
	}
}

func TestKeysAreRawBytes(t *testing.T) {
	f := serve(t, s3test.ServerConfig{})
	for i, key := range []string{"a//b", "/a", "../../etc/passwd", "a/./b", "a b+c%25", "\xff\x01\n", "ü/é", "a?b#c&d"} {
		f.mem.Put(key, s3test.Coded(uint32(i), 1, 100))
		var path strings.Builder
		for _, b := range []byte(key) {
			fmt.Fprintf(&path, "%%%02X", b)
		}
		for _, at := range []struct{ base, host string }{{f.URL() + "/bucket/", ""}, {f.URL() + "/", "bucket.localhost:80"}} {
			r, err := http.NewRequestWithContext(t.Context(), "GET", at.base+path.String(), nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = at.host
			resp, err := f.client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != 200 {
				t.Errorf("%q on host %q: %d", key, at.host, resp.StatusCode)
			}
		}
	}
}
