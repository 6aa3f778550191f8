package s3test

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// ServerConfig of a Server. The zero value serves the bucket "bucket" in
// us-east-1 to anyone, as fast as it can.
type ServerConfig struct {
	Bucket string
	Region string
	// AccessKey, if set, must sign every request (SigV4); with SecretKey the
	// signatures are verified too.
	AccessKey, SecretKey string
	// RequesterPays refuses requests that do not offer to pay.
	RequesterPays bool
	// PageSize is the most entries in a page of a listing, when below S3's 1000:
	// so that small tests have many pages.
	PageSize int
	Quirks   Quirks
	// Latency to the first byte of every answer, and Rate in bytes/s of a
	// connection, 0 for none and unlimited. See SetShape.
	Latency time.Duration
	Rate    int64
	// IdleTimeout closes idle connections, as S3 does after about 5 s; 0 never.
	IdleTimeout time.Duration
	// TLS serves https when set.
	TLS *tls.Config
	// Addr is "127.0.0.1:PORT" for a server that is to be found where another was;
	// any free port without it.
	Addr string
}

// Server is S3 over HTTP on a Mem, for reading: a request that would change
// something is answered 405 and shows in the log. It listens on loopback only,
// path-style and virtual-host-style. Safe for concurrent use.
type Server struct {
	mem  *Mem
	cfg  ServerConfig
	addr string
	log  requestLog

	latency, rate, skew atomic.Int64
	faults              script
	tokens              tokens
	conns               connSet
	buffers             sync.Pool // of *[chunkSize]byte

	stop     context.CancelFunc
	stopped  context.Context
	handlers sync.WaitGroup // running ServeHTTP
	mu       sync.Mutex     // guards serving, and stop against new handlers
	serving  *http.Server   // nil while down
	served   sync.WaitGroup // Serve goroutines
}

// NewServer starts a server on m, on loopback. The caller closes it.
func NewServer(m *Mem, cfg ServerConfig) (*Server, error) {
	cfg.Bucket = cmp.Or(cfg.Bucket, "bucket")
	cfg.Region = cmp.Or(cfg.Region, "us-east-1")
	cfg.PageSize = cmp.Or(cfg.PageSize, maxPage)
	if !cfg.Quirks.IgnoreMaxKeys {
		cfg.PageSize = min(cfg.PageSize, maxPage)
	}
	s := &Server{mem: m, cfg: cfg, addr: cmp.Or(cfg.Addr, "127.0.0.1:0"), tokens: newTokens()}
	s.buffers.New = func() any { return new([chunkSize]byte) }
	s.stopped, s.stop = context.WithCancel(context.Background())
	s.SetShape(cfg.Latency, cfg.Rate)
	if err := s.Up(); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// URL is the endpoint, without the bucket.
func (s *Server) URL() string {
	if s.cfg.TLS != nil {
		return "https://" + s.addr
	}
	return "http://" + s.addr
}

// Bucket is the bucket's name.
func (s *Server) Bucket() string { return s.cfg.Bucket }

// SetShape changes the time to the first byte and the rate of a connection in
// bytes/s (0: unlimited), also of answers that are being sent.
func (s *Server) SetShape(latency time.Duration, rate int64) {
	s.latency.Store(int64(latency))
	s.rate.Store(rate)
}

// SetSkew puts the server's clock ahead by d: its Date header, and what it takes
// for a signature's right time.
func (s *Server) SetSkew(d time.Duration) { s.skew.Store(int64(d)) }

// now is the time by the server's clock.
func (s *Server) now() time.Time { return time.Now().UTC().Add(time.Duration(s.skew.Load())) }

// Down makes the server unreachable: connections break, new ones are refused.
func (s *Server) Down() {
	s.mu.Lock()
	srv := s.serving
	s.serving = nil
	s.mu.Unlock()
	if srv == nil {
		return
	}
	srv.Close()
	s.conns.closeAll()
	s.served.Wait()
}

// Up makes a server that is down reachable again, at the same address.
func (s *Server) Up() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.serving != nil || s.stopped.Err() != nil {
		return nil
	}
	ln, err := net.Listen("tcp4", s.addr)
	if err != nil {
		return fmt.Errorf("s3test: %w", err)
	}
	s.addr = ln.Addr().String()
	ln = &s3Listener{ln, &s.conns}
	if s.cfg.TLS != nil {
		ln = tls.NewListener(ln, s.cfg.TLS)
	}
	srv := &http.Server{
		Handler:     http.HandlerFunc(s.serve),
		ConnContext: withConn,
		IdleTimeout: s.cfg.IdleTimeout,
		ErrorLog:    log.New(io.Discard, "", 0), // clients that break off are the tests' daily bread
	}
	s.serving = srv
	s.served.Go(func() {
		if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			panic(fmt.Errorf("s3test: %w", err)) // the listener is ours: a test must not go on without it
		}
	})
	return nil
}

// CloseConnections breaks all connections, idle ones included; new ones are
// accepted.
func (s *Server) CloseConnections() { s.conns.closeAll() }

// Close stops the server and waits for its goroutines.
func (s *Server) Close() {
	s.mu.Lock()
	s.stop()
	s.mu.Unlock()
	s.Down()
	s.handlers.Wait()
}

// serve answers one request.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		panic(http.ErrAbortHandler)
	}
	defer s.handlers.Done()
	req := s.parse(r)
	entry := s.log.begin(&req)
	reply := s.answer(r, req)
	faults := s.faults.match(req)
	if len(faults) > 0 {
		entry.update(func(r *Request) { r.Faulty = true })
	}
	for _, do := range faults {
		do(req, reply)
	}
	s.send(w, r, entry, reply)
}

// enter counts a handler, unless the server is closing.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped.Err() != nil {
		return false
	}
	s.handlers.Add(1)
	return true
}

// answer is the right answer to r.
func (s *Server) answer(r *http.Request, req Request) *Reply {
	if refused := s.authenticate(r); refused != nil {
		return refused
	}
	switch {
	case req.bucket != s.cfg.Bucket:
		return errorReply(http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist")
	case req.Op == OpMutate:
		return errorReply(http.StatusMethodNotAllowed, "MethodNotAllowed", "This bucket is for reading")
	case s.cfg.RequesterPays && r.Header.Get("x-amz-request-payer") != "requester":
		return errorReply(http.StatusForbidden, "AccessDenied", "Access Denied")
	}
	switch req.Op {
	case OpHeadBucket:
		return s.headBucket()
	case OpLocation:
		return s.location()
	case OpVersioning:
		return s.versioning()
	case OpVersions:
		return s.versions(req)
	case OpList:
		return s.list(req)
	case OpHead, OpGet:
		return s.object(r, req)
	}
	return errorReply(http.StatusNotImplemented, "NotImplemented", "This is not a part of S3 that this server has")
}
