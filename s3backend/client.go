package s3backend

import (
	"context"
	"io"
	"iter"
	"log/slog"
	"time"
)

// Options of a Client. The zero value of a field is its default.
type Options struct {
	Bucket string // a name, or an access point's ARN
	// Prefix is used for messages and the first look only; keys are always whole.
	Region                string // discovered when empty
	EndpointURL           string // else AWS_ENDPOINT_URL_S3, else S3's own
	Profile               string
	SharedCredentialsFile string
	NoSignRequest         bool
	ForcePathStyle        bool // automatic for IP addresses and localhost
	RequesterPays         bool
	SSECKeyFile           string // 32 raw bytes, or their base64
	CABundle              string
	NoVerifySSL           bool
	FIPS, DualStack       bool
	Accelerate            bool
	Connections           int           // sizes the connection pool
	ConnectTimeout        time.Duration // 5 s
	HeaderTimeout         time.Duration // until the answer's header: 10 s
	StallTimeout          time.Duration // a body without progress: 10 s
	RequestTimeout        time.Duration // everything for one call, retries included: 60 s
	Retries               int           // attempts within RequestTimeout: 10
	Logger                *slog.Logger
}

// Client is a Bucket on aws-sdk-go-v2. Safe for concurrent use.
type Client struct{}

var _ Bucket = (*Client)(nil)

// New resolves credentials, region and endpoint and returns a client; bad
// options are an error, an unreachable bucket is not: see Probe.
func New(ctx context.Context, o Options) (*Client, error) { panic("not built yet") }

// Probe asks whether the bucket can be listed below prefix, and returns
// ErrNoBucket, ErrRegion, ErrCredentials, ErrUnavailable or fs.ErrPermission in
// an OpError. empty says that nothing lies below prefix.
func (c *Client) Probe(ctx context.Context, prefix string) (empty bool, err error) {
	panic("not built yet")
}

// Endpoint returns the URL requests go to, for messages and the cache's namespace.
func (c *Client) Endpoint() string { panic("not built yet") }

// KeyID identifies the SSE-C key without disclosing it; empty without one.
func (c *Client) KeyID() string { panic("not built yet") }

// Head implements Bucket.
func (c *Client) Head(ctx context.Context, key string) (Object, error) { panic("not built yet") }

// List implements Bucket.
func (c *Client) List(ctx context.Context, prefix string, limit int) iter.Seq2[Entry, error] {
	panic("not built yet")
}

// Open implements Bucket.
func (c *Client) Open(ctx context.Context, obj Object, off, n int64) (io.ReadCloser, error) {
	panic("not built yet")
}

// Close closes idle connections and waits for the client's goroutines.
func (c *Client) Close() error { panic("not built yet") }
