package s3backend

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// Options of a Client. The zero value of a field is its default.
type Options struct {
	Bucket                string // a name, or an access point's ARN
	Region                string // else the environment's, the profile's, the bucket's own
	EndpointURL           string // else AWS_ENDPOINT_URL_S3, else S3's own
	Profile               string
	SharedCredentialsFile string // wins over credentials in the environment
	NoSignRequest         bool
	ForcePathStyle        bool // automatic for IP addresses and localhost
	RequesterPays         bool
	SSECKeyFile           string // 32 raw bytes, or their base64
	CABundle              string // else AWS_CA_BUNDLE, else the profile's
	NoVerifySSL           bool
	FIPS, DualStack       bool
	Accelerate            bool
	Connections           int           // sizes the connection pool: 32
	ConnectTimeout        time.Duration // name, connection and TLS, each: 5 s
	HeaderTimeout         time.Duration // until the answer's header: 10 s; of a GET's first attempts 2, 4 and 8
	StallTimeout          time.Duration // a body without progress: 3 s
	// RequestTimeout bounds one call, retries included (60 s): Head, one page of
	// List, Open. Of a body it bounds the time spent waiting for each 64 KiB, so
	// that a large body may take as long as it goes on arriving.
	RequestTimeout time.Duration
	Retries        int // attempts within RequestTimeout: 10
	// Lazy has New ask nobody: a region that is not configured is learnt from the first
	// answer.
	Lazy bool
	// BandwidthLimit is in bytes of objects a second, RequestLimit in requests a
	// second; 0 is none. Both hold over demands and guesses together.
	BandwidthLimit int64
	RequestLimit   float64
	Logger         *slog.Logger

	net netHooks
}

// netHooks replaces the machine's network in tests.
type netHooks struct {
	lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	dial   func(ctx context.Context, network, addr string) (net.Conn, error)
}

func (o Options) withDefaults() Options {
	setDefault(&o.Connections, 32)
	setDefault(&o.ConnectTimeout, 5*time.Second)
	setDefault(&o.HeaderTimeout, 10*time.Second)
	setDefault(&o.StallTimeout, 3*time.Second)
	setDefault(&o.RequestTimeout, 60*time.Second)
	setDefault(&o.Retries, 10)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func setDefault[T int | time.Duration](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}

// check refuses what can never work, so that a typing error is not met as a
// failing request later.
func (o Options) check() error {
	switch {
	case o.Bucket == "":
		return invalid("no bucket given")
	case strings.ContainsAny(o.Bucket, "/?#") && !arn.IsARN(o.Bucket):
		return invalid("bucket %q is neither a name nor an ARN", o.Bucket)
	case o.Accelerate && (o.EndpointURL != "" || o.FIPS):
		return invalid("transfer acceleration has endpoints of its own: not with an endpoint URL or FIPS")
	case o.NoSignRequest && (o.Profile != "" || o.SharedCredentialsFile != ""):
		return invalid("requests are to be unsigned, but a profile or credentials file is given")
	}
	if o.SharedCredentialsFile != "" {
		// The SDK ignores a missing file and goes on to the next source.
		if _, err := os.Stat(o.SharedCredentialsFile); err != nil {
			return fmt.Errorf("%w: credentials file: %w", ErrCredentials, err)
		}
	}
	return nil
}

// checkEndpoint returns the host of a custom endpoint.
func checkEndpoint(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		// url.Error quotes the input, which may carry a password.
		return nil, invalid("endpoint URL cannot be parsed: write http://HOST or https://HOST")
	}
	// No message shows what may be a secret. Without a scheme a password is no User.
	switch {
	case u.User != nil, strings.Contains(raw, "@"):
		return nil, invalid("endpoint URL must not carry a user or password")
	case u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		u.RawQuery, u.Fragment = "", ""
		return nil, invalid("endpoint URL %q must be http://HOST or https://HOST", u)
	case u.RawQuery != "" || u.Fragment != "":
		return nil, invalid("endpoint URL must not have a query or fragment")
	}
	return u, nil
}

// pathStyle reports whether a bucket's name cannot be put before host: an IP
// address has no sub-domains, and localhost has none that resolve everywhere.
func pathStyle(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil || isLocalhost(host)
}

func isLocalhost(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback() || isLocalhost(host)
}

func invalid(format string, args ...any) error {
	return &failure{sentinel: fs.ErrInvalid, detail: fmt.Sprintf(format, args...)}
}

// failure is a sentinel with what happened in words. It does not wrap the
// cause: a caller that asks errors.Is for the context's error must not find the
// time-out of one attempt, and an SDK error's text may hold an answer's.
type failure struct {
	sentinel error
	// also is a second sentinel that holds too, or nil.
	also   error
	detail string
}

func (f *failure) Error() string {
	if f.detail == "" {
		return f.sentinel.Error()
	}
	return f.sentinel.Error() + " (" + f.detail + ")"
}

// Is makes both sentinels findable.
func (f *failure) Is(target error) bool {
	return errors.Is(f.sentinel, target) || f.also != nil && errors.Is(f.also, target)
}
