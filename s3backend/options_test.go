package s3backend_test

import (
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zs3fs/zs3fs/s3backend"
)

func tempFile(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestBadOptions(t *testing.T) {
	rows := []struct {
		name string
		o    s3backend.Options
		want error
		says string
	}{
		{"no bucket", s3backend.Options{}, fs.ErrInvalid, "bucket"},
		{"bucket with a slash", s3backend.Options{Bucket: "a/b"}, fs.ErrInvalid, `"a/b"`},
		{"endpoint without scheme", s3backend.Options{Bucket: "b", EndpointURL: "localhost:9000"}, fs.ErrInvalid, "http://HOST"},
		{"endpoint of another scheme", s3backend.Options{Bucket: "b", EndpointURL: "ftp://h"}, fs.ErrInvalid, "http://HOST"},
		{"endpoint with a password", s3backend.Options{Bucket: "b", EndpointURL: "http://u:hidden@h"}, fs.ErrInvalid, "password"},
		{"endpoint with a password and no scheme", s3backend.Options{Bucket: "b", EndpointURL: "u:hidden@h:9000"}, fs.ErrInvalid, "password"},
		{"endpoint without scheme by address", s3backend.Options{Bucket: "b", EndpointURL: "127.0.0.1:9000"}, fs.ErrInvalid, "http://HOST"},
		{"endpoint with a query", s3backend.Options{Bucket: "b", EndpointURL: "http://h/?x=hidden"}, fs.ErrInvalid, "query"},
		{"endpoint of another scheme with a query", s3backend.Options{Bucket: "b", EndpointURL: "ftp://h/?x=hidden"}, fs.ErrInvalid, "http://HOST"},
		{"no such credentials file", s3backend.Options{Bucket: "b", SharedCredentialsFile: "/nowhere"}, s3backend.ErrCredentials, "/nowhere"},
		{"credentials file that is torn off at a quote", s3backend.Options{Bucket: "b", SharedCredentialsFile: tempFile(t, "[default]\naws_access_key_id = hidden\naws_secret_access_key = \"")}, s3backend.ErrCredentials, "cannot be"},
		{"no such profile", s3backend.Options{Bucket: "b", Profile: "nobody"}, s3backend.ErrCredentials, "nobody"},
		{"unsigned with a profile", s3backend.Options{Bucket: "b", Profile: "p", NoSignRequest: true}, fs.ErrInvalid, "unsigned"},
		{"no such CA bundle", s3backend.Options{Bucket: "b", CABundle: "/nowhere"}, fs.ErrNotExist, "/nowhere"},
		{"no such CA bundle is an invalid option", s3backend.Options{Bucket: "b", CABundle: "/nowhere"}, fs.ErrInvalid, "CA bundle"},
		{"CA bundle without certificates", s3backend.Options{Bucket: "b", CABundle: os.DevNull}, fs.ErrInvalid, "PEM"},
		{"no such key file", s3backend.Options{Bucket: "b", SSECKeyFile: "/nowhere"}, fs.ErrNotExist, "/nowhere"},
		{"no such key file is an invalid option", s3backend.Options{Bucket: "b", SSECKeyFile: "/nowhere"}, fs.ErrInvalid, "SSE-C key file"},
		{"key of 31 bytes", s3backend.Options{Bucket: "b", SSECKeyFile: tempFile(t, strings.Repeat("k", 31))}, fs.ErrInvalid, "32 bytes"},
		{"key of 31 bytes in base64", s3backend.Options{Bucket: "b", SSECKeyFile: tempFile(t, base64.StdEncoding.EncodeToString(make([]byte, 31)))}, fs.ErrInvalid, "32 bytes"},
		{"key over http", s3backend.Options{Bucket: "b", EndpointURL: "http://192.0.2.1", SSECKeyFile: tempFile(t, strings.Repeat("k", 32))}, fs.ErrInvalid, "https"},
		{"no region", s3backend.Options{Bucket: "b", Region: "eu west"}, fs.ErrInvalid, "eu west"},
		{"no ARN of S3", s3backend.Options{Bucket: "arn:aws:ec2:eu-west-1:123456789012:instance/i"}, fs.ErrInvalid, "arn:aws:ec2"},
		{"accelerate with an endpoint", s3backend.Options{Bucket: "b", EndpointURL: "http://h", Accelerate: true}, fs.ErrInvalid, "acceleration"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			if row.o.Region == "" {
				row.o.Region = "us-east-1"
			}
			_, err := s3backend.New(context.Background(), row.o)
			if !errors.Is(err, row.want) || !strings.Contains(err.Error(), row.says) || strings.Contains(err.Error(), "hidden") {
				t.Errorf("error %v, want %v with %q", err, row.want, row.says)
			}
		})
	}
}

// seen is where a client sent a HEAD, by scheme, host and path.
func seen(t *testing.T, o s3backend.Options) (url string, h http.Header) {
	t.Helper()
	f := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		url, h = "http://"+r.Host+r.URL.EscapedPath(), r.Header
		w.WriteHeader(http.StatusNotFound)
	})
	// As a proxy for http it sees requests to any host.
	proxy := f.Listener.Addr().String()
	c := newClient(t, o.WithNet(lookupLoopback, dialTo(proxy)))
	if _, err := c.Head(context.Background(), "dir/k"); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("Head: %v", err)
	}
	return url, h
}

func TestAddressing(t *testing.T) {
	rows := []struct {
		name string
		o    s3backend.Options
		env  string // AWS_ENDPOINT_URL_S3
		want string
	}{
		{"host style", s3backend.Options{EndpointURL: "http://s3.example.com"}, "", "http://bucket.s3.example.com/dir/k"},
		{"path style asked for", s3backend.Options{EndpointURL: "http://s3.example.com", ForcePathStyle: true}, "", "http://s3.example.com/bucket/dir/k"},
		{"IPv4", s3backend.Options{EndpointURL: "http://192.0.2.1:9000"}, "", "http://192.0.2.1:9000/bucket/dir/k"},
		{"IPv6", s3backend.Options{EndpointURL: "http://[2001:db8::1]:9000"}, "", "http://[2001:db8::1]:9000/bucket/dir/k"},
		{"localhost", s3backend.Options{EndpointURL: "http://localhost:9000/"}, "", "http://localhost:9000/bucket/dir/k"},
		{"below localhost", s3backend.Options{EndpointURL: "http://s3.localhost"}, "", "http://s3.localhost/bucket/dir/k"},
		{"environment", s3backend.Options{}, "http://192.0.2.9", "http://192.0.2.9/bucket/dir/k"},
		{"flag before environment", s3backend.Options{EndpointURL: "http://192.0.2.1"}, "http://192.0.2.9", "http://192.0.2.1/bucket/dir/k"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Setenv("AWS_ENDPOINT_URL_S3", row.env)
			row.o.Bucket = "bucket"
			if got, _ := seen(t, row.o); got != row.want {
				t.Errorf("asked %s, want %s", got, row.want)
			}
		})
	}
}

// TestHosts looks at where a client connects to, without any answer.
func TestHosts(t *testing.T) {
	rows := []struct {
		name string
		o    s3backend.Options
		want string
	}{
		{"S3", s3backend.Options{Bucket: "bucket"}, "bucket.s3.eu-west-1.amazonaws.com"},
		{"FIPS", s3backend.Options{Bucket: "bucket", FIPS: true}, "bucket.s3-fips.eu-west-1.amazonaws.com"},
		{"dual stack", s3backend.Options{Bucket: "bucket", DualStack: true}, "bucket.s3.dualstack.eu-west-1.amazonaws.com"},
		{"accelerate", s3backend.Options{Bucket: "bucket", Accelerate: true}, "bucket.s3-accelerate.amazonaws.com"},
		{"path style", s3backend.Options{Bucket: "bucket", ForcePathStyle: true}, "s3.eu-west-1.amazonaws.com"},
		{"access point", s3backend.Options{Bucket: "arn:aws:s3:eu-central-1:123456789012:accesspoint/ap"}, "ap-123456789012.s3-accesspoint.eu-central-1.amazonaws.com"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			row.o.Region = "eu-west-1"
			row.o.Retries = 1
			hosts := &recorder{}
			c := newClient(t, row.o.WithNet(hosts.lookup, nil))
			_, err := c.Head(context.Background(), "k")
			if !errors.Is(err, s3backend.ErrUnavailable) || hosts.last() != row.want {
				t.Errorf("looked up %q, want %q (%v)", hosts.last(), row.want, err)
			}
			if c.Endpoint() != "https://s3.amazonaws.com" {
				t.Errorf("Endpoint %q", c.Endpoint())
			}
		})
	}
}

// A file that holds keys and is no INI file is refused or ignored, not quoted.
func TestMalformedCredentialsFile(t *testing.T) {
	for _, text := range []string{
		canarySecret, "[default\naws_secret_access_key=" + canarySecret, "[default]\naws_access_key_id\n" + canarySecret + "\n",
		"aws_access_key_id=A\naws_secret_access_key=" + canarySecret, "[default]\naws_secret_access_key=" + canarySecret,
		"\x00\xff" + canarySecret,
	} {
		f := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) { right(w, r) })
		o := f.quick()
		o.SharedCredentialsFile = tempFile(t, text)
		c, err := s3backend.New(context.Background(), o)
		if err == nil {
			_, err = read(c)
			c.Close()
		}
		if !errors.Is(err, s3backend.ErrCredentials) || strings.Contains(err.Error(), canarySecret) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestEndpoint(t *testing.T) {
	for in, want := range map[string]string{
		"http://LocalHost:9000/": "http://localhost:9000",
		"https://h.example/s3":   "https://h.example/s3",
	} {
		c := newClient(t, s3backend.Options{Bucket: "b", EndpointURL: in})
		if c.Endpoint() != want || c.KeyID() != "" {
			t.Errorf("%s: %q, key id %q", in, c.Endpoint(), c.KeyID())
		}
	}
}

func TestSSEC(t *testing.T) {
	raw := "0123456789abcdef0123456789abcdef"
	b64 := base64.StdEncoding.EncodeToString([]byte(raw))
	sum := md5.Sum([]byte(raw))
	ids := map[string]bool{}
	for _, text := range []string{raw, b64, " " + b64 + "\n"} {
		f := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
			h := r.Header
			if h.Get("X-Amz-Server-Side-Encryption-Customer-Key") != b64 ||
				h.Get("X-Amz-Server-Side-Encryption-Customer-Algorithm") != "AES256" ||
				h.Get("X-Amz-Server-Side-Encryption-Customer-Key-Md5") != base64.StdEncoding.EncodeToString(sum[:]) {
				t.Errorf("%s without the key: %v", r.Method, h)
			}
			right(w, r)
		})
		c := f.client(t, func(o *s3backend.Options) { o.SSECKeyFile = tempFile(t, text) })
		if _, err := read(c); err != nil {
			t.Error(err)
		}
		if _, err := c.Head(context.Background(), "k"); err != nil {
			t.Error(err)
		}
		ids[c.KeyID()] = true
		if id := c.KeyID(); len(id) != 16 || strings.Contains(b64+raw, id) {
			t.Errorf("key id %q", id)
		}
	}
	if len(ids) != 1 {
		t.Errorf("one key has the ids %v", ids)
	}
}

func TestHeaders(t *testing.T) {
	f := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) { right(w, r) })
	if _, err := read(f.client(t, func(o *s3backend.Options) { o.RequesterPays = true })); err != nil {
		t.Fatal(err)
	}
	h := f.request(1).Header
	if h.Get("X-Amz-Request-Payer") != "requester" || h.Get("Range") != "bytes=1000-100999" || h.Get("If-Match") != etag ||
		h.Get("Accept-Encoding") != "identity" || h.Get("X-Amz-Checksum-Mode") != "" || !strings.HasPrefix(h.Get("Authorization"), "AWS4-HMAC-SHA256 ") {
		t.Errorf("sent %v", h)
	}
	if _, err := read(f.client(t, func(o *s3backend.Options) { o.NoSignRequest = true })); err != nil {
		t.Fatal(err)
	}
	if h := f.request(2).Header; h.Get("Authorization") != "" || h.Get("X-Amz-Request-Payer") != "" {
		t.Errorf("unsigned, sent %v", h)
	}
}

func TestTLS(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(right))
	defer server.Close()
	server.Config.ErrorLog = discardLog
	ca := tempFile(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	f := &fake{Server: server}

	if _, err := read(f.client(t)); !errors.Is(err, s3backend.ErrUnavailable) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("unknown authority: %v", err)
	}
	if _, err := read(f.client(t, func(o *s3backend.Options) { o.CABundle = ca })); err != nil {
		t.Errorf("CA bundle: %v", err)
	}
	if _, err := read(f.client(t, func(o *s3backend.Options) { o.NoVerifySSL = true })); err != nil {
		t.Errorf("no verification: %v", err)
	}
	t.Setenv("AWS_CA_BUNDLE", ca)
	if _, err := read(f.client(t)); err != nil {
		t.Errorf("AWS_CA_BUNDLE: %v", err)
	}
}
