package s3backend

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// avoidFor is how long an address that could not be reached is tried last.
const avoidFor = 30 * time.Second

// dialer connects to the addresses of a name in turn. Go's own takes the first
// one always; S3 gives several, each a machine with a rate of its own.
type dialer struct {
	lookup  func(ctx context.Context, host string) ([]netip.Addr, error)
	dial    func(ctx context.Context, network, addr string) (net.Conn, error)
	timeout time.Duration
	// life ends dials that no request waits for any more.
	life context.Context

	next atomic.Uint32

	mu    sync.Mutex // guards avoid
	avoid map[netip.Addr]time.Time
}

func newDialer(life context.Context, o Options) *dialer {
	d := &dialer{
		lookup:  o.net.lookup,
		dial:    o.net.dial,
		timeout: o.ConnectTimeout,
		life:    life,
		avoid:   make(map[netip.Addr]time.Time),
	}
	if d.lookup == nil {
		d.lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	if d.dial == nil {
		d.dial = (&net.Dialer{KeepAlive: 30 * time.Second, Control: receiveBuffer(o.BandwidthLimit)}).DialContext
	}
	return d
}

// receiveBuffer bounds what the kernel receives before it is read, or it would take
// up to 6 MiB a connection at once whatever the limit (bytes a second) is.
func receiveBuffer(limit int64) func(network, address string, c syscall.RawConn) error {
	if limit <= 0 {
		return nil
	}
	size := int(min(max(limit/16, 32<<10), 1<<20))
	return func(_, _ string, c syscall.RawConn) error {
		// A connection without it is as good.
		return c.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, size) })
	}
}

// DialContext resolves addr's host anew, so that a changed answer of the name
// server is used by the next connection, and tries its addresses one after the
// other within the connect time-out. The error of a failed look-up is a
// *net.DNSError; whether to try again is the caller's decision, who knows the
// request's deadline: net/http hides it from a dialer.
func (d *dialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	defer context.AfterFunc(d.life, cancel)()

	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	addrs, err := d.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	var firstErr error
	for i, a := range d.order(addrs) {
		conn, err := d.dialOne(ctx, network, net.JoinHostPort(a.String(), port), len(addrs)-i)
		d.note(a, err != nil && ctx.Err() == nil)
		if err == nil {
			return conn, nil
		}
		if firstErr == nil {
			firstErr = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, firstErr
}

func (d *dialer) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	addrs, err := d.lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	if len(addrs) == 0 {
		return nil, &net.DNSError{Err: "no address", Name: host, IsNotFound: true}
	}
	return addrs, nil
}

// dialOne gives the address its share of the time left, so that one that drops
// packets leaves time for the others.
func (d *dialer) dialOne(ctx context.Context, network, addr string, left int) (net.Conn, error) {
	if deadline, ok := ctx.Deadline(); ok && left > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/time.Duration(left))
		defer cancel()
	}
	conn, err := d.dial(ctx, network, addr)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", addr, err)
	}
	return conn, nil
}

// order returns addrs starting one further than the last time, those that
// failed lately at the end.
func (d *dialer) order(addrs []netip.Addr) []netip.Addr {
	start := int(d.next.Add(1)-1) % len(addrs)
	now := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	good := make([]netip.Addr, 0, len(addrs))
	var bad []netip.Addr
	for i := range addrs {
		a := addrs[(start+i)%len(addrs)]
		if until, ok := d.avoid[a]; ok && now.Before(until) {
			bad = append(bad, a)
		} else {
			good = append(good, a)
		}
	}
	return append(good, bad...)
}

func (d *dialer) note(a netip.Addr, failed bool) {
	now := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if failed {
		d.avoid[a] = now.Add(avoidFor)
	} else {
		delete(d.avoid, a)
	}
	// A long-lived mount meets many addresses.
	for k, until := range d.avoid {
		if now.After(until) {
			delete(d.avoid, k)
		}
	}
}
