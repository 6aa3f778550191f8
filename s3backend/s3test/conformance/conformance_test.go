package conformance_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/asof"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
	"github.com/zs3fs/zs3fs/s3backend/s3test/conformance"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// onMem is a Target that puts into m.
func onMem(b s3backend.Bucket, m *s3test.Mem) conformance.Target {
	return conformance.Target{
		Bucket: b,
		Put: func(_ context.Context, key string, c s3test.Content) error {
			m.Put(key, c)
			return nil
		},
		Delete: func(_ context.Context, key string) error {
			m.Delete(key)
			return nil
		},
		Archive: func(_ context.Context, key string, c s3test.Content) error {
			m.PutWith(key, c, s3test.PutOptions{StorageClass: "GLACIER"})
			return nil
		},
	}
}

// versioned opens targets that keep old versions.
func versioned(open func(testing.TB, *s3test.Mem) conformance.Target) conformance.Open {
	return func(t testing.TB) conformance.Target {
		m := s3test.NewMem()
		m.SetVersioning(true)
		target := open(t, m)
		target.Versioned = true
		return target
	}
}

// plain opens targets that do not.
func plain(open func(testing.TB, *s3test.Mem) conformance.Target) conformance.Open {
	return func(t testing.TB) conformance.Target { return open(t, s3test.NewMem()) }
}

func mem(_ testing.TB, m *s3test.Mem) conformance.Target { return onMem(m, m) }

func TestMem(t *testing.T) {
	t.Run("Plain", func(t *testing.T) { conformance.TestBucket(t, plain(mem)) })
	t.Run("Versioned", func(t *testing.T) { conformance.TestBucket(t, versioned(mem)) })
}

func BenchmarkMem(b *testing.B) { conformance.BenchmarkBucket(b, plain(mem)) }

// setenv gives a test credentials for the SDK's default chain, and nothing of the
// machine's own.
func setenv(t testing.TB, access, secret string) {
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": access, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_ENDPOINT_URL": "", "AWS_ENDPOINT_URL_S3": "", "AWS_CA_BUNDLE": "", "AWS_REGION": "", "AWS_DEFAULT_REGION": "",
	} {
		t.Setenv(name, value)
	}
}

// client makes a Client that the test closes.
func client(t testing.TB, o s3backend.Options) *s3backend.Client {
	c, err := s3backend.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// server opens targets of the client against s3test's server, which verifies the
// signatures.
func server(t testing.TB, m *s3test.Mem) conformance.Target {
	return serve(t, m, s3test.ServerConfig{PageSize: 97})
}

func serve(t testing.TB, m *s3test.Mem, cfg s3test.ServerConfig) conformance.Target {
	const access, secret = "AKIDCONFORMANCE", "secret"
	setenv(t, access, secret)
	cfg.AccessKey, cfg.SecretKey = access, secret
	s, err := s3test.NewServer(m, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	target := onMem(client(t, s3backend.Options{Bucket: s.Bucket(), EndpointURL: s.URL()}), m)
	target.Requests = func() int { return s.Count() }
	t.Cleanup(func() {
		if n := s.Mutating(); n > 0 {
			t.Errorf("%d requests that change something", n)
		}
	})
	return target
}

func TestClient(t *testing.T) {
	t.Run("Plain", func(t *testing.T) { conformance.TestBucket(t, plain(server)) })
	t.Run("Versioned", func(t *testing.T) { conformance.TestBucket(t, versioned(server)) })
}

// A server of each quirk, and of all, is as good a bucket, but for names that it
// cannot write down and the order of its pages.
func TestQuirks(t *testing.T) {
	for name, q := range map[string]s3test.Quirks{
		"MaxKeys":    {IgnoreMaxKeys: true},
		"StartAfter": {IgnoreStartAfter: true},
		"Encoding":   {IgnoreEncoding: true},
		"Unsorted":   {Unsorted: true},
		"All":        {IgnoreMaxKeys: true, IgnoreStartAfter: true, IgnoreEncoding: true, Unsorted: true},
	} {
		t.Run(name, func(t *testing.T) {
			conformance.TestBucket(t, plain(func(t testing.TB, m *s3test.Mem) conformance.Target {
				size := 97
				if q.IgnoreMaxKeys {
					size = 1050
				}
				target := serve(t, m, s3test.ServerConfig{PageSize: size, Quirks: q})
				target.XMLKeys, target.Unsorted = q.IgnoreEncoding, q.Unsorted
				return target
			}))
		})
	}
}

// A bucket as it will be at the end of all days is the bucket as it is.
func TestAsOf(t *testing.T) {
	conformance.TestBucket(t, versioned(func(t testing.TB, m *s3test.Mem) conformance.Target {
		target := server(t, m)
		target.Bucket = asof.New(target.Bucket.(*s3backend.Client), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC))
		target.ListsVersions = true
		return target
	}))
}

func BenchmarkClient(b *testing.B) { conformance.BenchmarkBucket(b, plain(server)) }
