package s3backend

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Client is a Bucket on aws-sdk-go-v2. Safe for concurrent use.
type Client struct {
	o    Options
	log  *slog.Logger
	s3   *s3.Client
	sse  sseKey
	pace *pacer

	requests  *limiter // all kinds
	bandwidth *limiter // bytes of objects

	hedges hedges
	speeds recent // bytes a second, of bodies
	counts counters
	// pageTexts are buffers (*bytes.Buffer) for pages of listings.
	pageTexts sync.Pool
	reach     reach
	formers   formers

	transport *http.Transport
	creds     *refresher // nil for unsigned requests
	payer     types.RequestPayer
	custom    string // custom endpoint's URL, or empty

	region      atomic.Pointer[string]
	regionFixed bool
	// unversioned is set when the version id is refused where the plain key is
	// not: s3:GetObjectVersion is a permission of its own.
	unversioned atomic.Bool
	denied      atomic.Pointer[time.Time] // when a 403 to HEAD was last seen to be a denial; nil for never
	quirks      quirks
	skew        atomic.Int64 // the last one told to the user, in nanoseconds

	life  context.Context // ended by close
	close context.CancelFunc
}

var _ Bucket = (*Client)(nil)

// New resolves credentials, region and endpoint and returns a client; bad
// options are an error, an unreachable bucket is not: see Probe.
func New(ctx context.Context, o Options) (*Client, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return nil, err
	}
	sse, err := readSSEKey(o.SSECKeyFile)
	if err != nil {
		return nil, err
	}
	life, closeLife := context.WithCancel(context.Background())
	c := &Client{o: o, log: o.Logger, sse: sse, pace: newPacer(), life: life, close: closeLife,
		requests: newRequestLimiter(o.RequestLimit), bandwidth: newByteLimiter(o.BandwidthLimit)}
	if o.RequesterPays {
		c.payer = types.RequestPayerRequester
	}
	if err := c.build(ctx, life); err != nil {
		closeLife()
		return nil, err
	}
	return c, nil
}

// Endpoint returns the URL requests go to, for messages and the cache's
// namespace. For S3 itself it names no region: a bucket's name is the same
// bucket from everywhere, and its cache must be found also when the region
// cannot be discovered.
func (c *Client) Endpoint() string {
	if c.custom != "" {
		return c.custom
	}
	if strings.HasPrefix(*c.region.Load(), "cn-") {
		return "https://s3.amazonaws.com.cn"
	}
	return "https://s3.amazonaws.com"
}

// KeyID identifies the SSE-C key without disclosing it; empty without one.
func (c *Client) KeyID() string { return c.sse.id }

// Close closes idle connections and waits for the client's goroutines. Calls
// under way go on; bodies that are still open keep their connections until they
// are closed.
func (c *Client) Close() error {
	c.close()
	c.reach.close()
	c.formers.close()
	if c.creds != nil {
		c.creds.chain.running.Wait()
	}
	c.transport.CloseIdleConnections()
	return nil
}
