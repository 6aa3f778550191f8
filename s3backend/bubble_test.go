package s3backend_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/zs3fs/zs3fs/s3backend"
)

// bubble is a server and its network in memory, for tests on a clock that jumps:
// they use the time-outs that users have.
type bubble struct {
	conns chan net.Conn
	stop  chan struct{}

	mu     sync.Mutex
	dialed []string
	lookup func(host string) ([]netip.Addr, error) // nil: the name is 192.0.2.1
	dead   map[string]bool                         // addresses that drop packets

	count int // of requests
}

// inBubble runs test with a client of a server with the handler, which gets the
// number of the request, from 1.
func inBubble(
	t *testing.T,
	handler func(w http.ResponseWriter, r *http.Request, n int),
	test func(t *testing.T, b *bubble, c *s3backend.Client),
	change ...func(*s3backend.Options),
) {
	synctest.Test(t, func(t *testing.T) {
		b := &bubble{conns: make(chan net.Conn), stop: make(chan struct{}), dead: make(map[string]bool)}
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b.mu.Lock()
			b.count++
			n := b.count
			b.mu.Unlock()
			handler(w, r, n)
		})}
		served := make(chan struct{})
		go func() { defer close(served); server.Serve(b) }()

		o := s3backend.Options{Bucket: "bucket", EndpointURL: "http://s3.test", Region: "us-east-1", ForcePathStyle: true}
		for _, fn := range change {
			fn(&o)
		}
		c, err := s3backend.New(t.Context(), o.WithNet(b.resolve, b.dial))
		if err != nil {
			t.Fatal(err)
		}
		// Deferred, so that a failing test says why and not that goroutines remain.
		defer func() {
			c.Close()
			close(b.stop)
			server.Close()
			<-served
			synctest.Wait()
		}()
		test(t, b, c)
	})
}

func (b *bubble) Accept() (net.Conn, error) {
	select {
	case conn := <-b.conns:
		return conn, nil
	case <-b.stop:
		return nil, net.ErrClosed
	}
}

func (b *bubble) Close() error   { return nil }
func (b *bubble) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }

func (b *bubble) resolve(_ context.Context, host string) ([]netip.Addr, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lookup == nil {
		return []netip.Addr{netip.MustParseAddr("192.0.2.1")}, nil
	}
	return b.lookup(host)
}

func (b *bubble) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	b.mu.Lock()
	b.dialed = append(b.dialed, addr)
	dead := b.dead[addr]
	b.mu.Unlock()
	if dead {
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()}
	}
	client, server := net.Pipe()
	select {
	case b.conns <- server:
		return client, nil
	case <-b.stop:
		return nil, errors.New("stopped")
	}
}

func (b *bubble) requests() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.count
}

func (b *bubble) addresses() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.dialed...)
}

// recorder fails look-ups and remembers them.
type recorder struct {
	mu    sync.Mutex
	hosts []string
}

func (r *recorder) lookup(_ context.Context, host string) ([]netip.Addr, error) {
	r.mu.Lock()
	r.hosts = append(r.hosts, host)
	r.mu.Unlock()
	// Not a DNSError, which would be tried again until the time is up.
	return nil, errors.New("no names here")
}

func (r *recorder) last() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.hosts) == 0 {
		return ""
	}
	return r.hosts[len(r.hosts)-1]
}

func lookupLoopback(context.Context, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
}

// dialTo leads every connection to addr.
func dialTo(addr string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, addr)
	}
}

var discardLog = log.New(io.Discard, "", 0)
