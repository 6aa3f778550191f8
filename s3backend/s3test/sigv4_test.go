package s3test_test

import (
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// sdk is the SDK's plain client of the fixture, signing with the given keys.
func (f *fixture) sdk(region, access, secret string) *s3.Client {
	return s3.New(s3.Options{
		Region: region, BaseEndpoint: aws.String(f.URL()), UsePathStyle: true, HTTPClient: f.client,
		Credentials: credentials.NewStaticCredentialsProvider(access, secret, "token"),
		Retryer:     aws.NopRetryer{},
	})
}

func TestSignatures(t *testing.T) {
	f := serve(t, s3test.ServerConfig{Region: "eu-west-3", AccessKey: "AKIDTEST", SecretKey: "secret"})
	const key = "dir/a b+c%25é!'()*~\n"
	f.mem.Put(key, s3test.Coded(1, 1, 100))
	for _, tt := range []struct{ name, region, access, secret, code string }{
		{"right", "eu-west-3", "AKIDTEST", "secret", ""},
		{"unknown key", "eu-west-3", "AKIDOTHER", "secret", "InvalidAccessKeyId"},
		{"wrong secret", "eu-west-3", "AKIDTEST", "other", "SignatureDoesNotMatch"},
		{"wrong region", "us-west-2", "AKIDTEST", "secret", "AuthorizationHeaderMalformed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := f.sdk(tt.region, tt.access, tt.secret)
			out, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("bucket"), Key: aws.String(key), Range: aws.String("bytes=10-19")})
			if code(err) != tt.code {
				t.Fatalf("GetObject: %v, want %q", err, tt.code)
			}
			if err == nil {
				defer out.Body.Close()
				p, err := io.ReadAll(out.Body)
				if err != nil || s3test.CheckCoded(p, 10, 1, 1) != nil || len(p) != 10 {
					t.Errorf("%d bytes, %v", len(p), err)
				}
			}
			_, err = c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("bucket"), Prefix: aws.String("dir/a b+")})
			if code(err) != tt.code {
				t.Errorf("ListObjectsV2: %v, want %q", err, tt.code)
			}
		})
	}
	if g := f.must(t, "GET", "/k"); g.StatusCode != 403 {
		t.Errorf("unsigned: %d", g.StatusCode)
	}
}

// adding adds a header to what was signed.
type adding struct {
	client *http.Client
	name   string
}

func (a adding) Do(r *http.Request) (*http.Response, error) {
	r.Header.Set(a.name, "requester")
	return a.client.Do(r)
}

// S3 refuses headers of its own that are not signed, and takes others.
func TestUnsignedHeaders(t *testing.T) {
	f := serve(t, s3test.ServerConfig{AccessKey: "AKIDTEST", SecretKey: "secret"})
	f.mem.Put("k", s3test.Coded(1, 1, 100))
	for name, want := range map[string]string{"X-Amz-Request-Payer": "AccessDenied", "X-Forwarded-For": ""} {
		c := f.sdk("us-east-1", "AKIDTEST", "secret")
		out, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("bucket"), Key: aws.String("k")},
			func(o *s3.Options) { o.HTTPClient = adding{f.client, name} })
		if code(err) != want {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
		if err == nil {
			out.Body.Close()
		}
	}
}

func code(err error) string {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}
