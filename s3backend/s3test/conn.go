package s3test

import (
	"context"
	"net"
	"sync"
)

// s3Conn is a connection with a number, which its connSet knows until it is closed.
type s3Conn struct {
	*net.TCPConn
	id  int64
	set *connSet
}

func (c *s3Conn) Close() error {
	c.set.mu.Lock()
	delete(c.set.open, c)
	c.set.mu.Unlock()
	return c.TCPConn.Close()
}

// reset closes the connection with an RST, so that the client loses even what it
// has received and not yet read.
func (c *s3Conn) reset() {
	_ = c.SetLinger(0) // fails only on a connection that is closed already
	_ = c.Close()
}

// connSet holds the open connections.
type connSet struct {
	mu   sync.Mutex // guards all below
	last int64
	open map[*s3Conn]struct{}
}

func (s *connSet) add(c *net.TCPConn) *s3Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = make(map[*s3Conn]struct{})
	}
	s.last++
	sc := &s3Conn{c, s.last, s}
	s.open[sc] = struct{}{}
	return sc
}

func (s *connSet) closeAll() {
	s.mu.Lock()
	open := s.open
	s.open = nil
	s.mu.Unlock()
	for c := range open {
		_ = c.Close()
	}
}

// s3Listener numbers the connections that it accepts.
type s3Listener struct {
	net.Listener
	set *connSet
}

func (l *s3Listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.set.add(c.(*net.TCPConn)), nil
}

type connKey struct{}

// withConn keeps the connection in its requests' contexts.
func withConn(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = t.NetConn() // below TLS
	}
	return context.WithValue(ctx, connKey{}, c)
}

func connOf(ctx context.Context) *s3Conn { return ctx.Value(connKey{}).(*s3Conn) }
