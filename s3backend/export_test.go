package s3backend

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// WithNet replaces the machine's name look-up and dialling.
func (o Options) WithNet(
	lookup func(context.Context, string) ([]netip.Addr, error),
	dial func(context.Context, string, string) (net.Conn, error),
) Options {
	o.net = netHooks{lookup: lookup, dial: dial}
	return o
}

// SigningRegion is where requests are signed for.
func (c *Client) SigningRegion() string { return *c.region.Load() }

// Credentials are cached as a client's, of a source whose calls take timeout at most.
func Credentials(life context.Context, source aws.CredentialsProvider, timeout time.Duration) aws.CredentialsProvider {
	return newRefresher(&chain{
		load:    func(context.Context) (aws.CredentialsProvider, error) { return source, nil },
		timeout: timeout,
		life:    life,
	})
}
