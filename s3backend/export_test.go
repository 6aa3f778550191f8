package s3backend

import (
	"context"
	"net"
	"net/netip"
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
