package control

import (
	"context"
	"errors"
	"log"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	headerTimeout = 5 * time.Second
	// An answer may wait for the cache's sweep, as to a request to pin.
	answerTimeout = 5 * time.Minute
	closeTimeout  = time.Second
	cancelTimeout = time.Second
	maxHeader     = 16 << 10
	maxBody       = 64 << 10
)

// ErrAnswering is the error of a Close that a handler did not heed.
var ErrAnswering = errors.New("control: a request is still being answered")

// Server answers on one listener until Close.
type Server struct {
	http   *http.Server
	cancel context.CancelFunc // of the context of all requests
	served chan struct{}      // closed when no connection comes any more
	conns  sync.WaitGroup     // each from its first byte to the end of its last handler
}

// Serve starts to answer by h, which gets bodies of 64 KiB at most.
func Serve(l net.Listener, h http.Handler, logger *slog.Logger) *Server {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{cancel: cancel, served: make(chan struct{})}
	s.http = &http.Server{
		Handler:           http.MaxBytesHandler(h, maxBody),
		ReadHeaderTimeout: headerTimeout, ReadTimeout: headerTimeout, WriteTimeout: answerTimeout,
		IdleTimeout: headerTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog:    slogLogger(logger),
		BaseContext: func(net.Listener) context.Context { return ctx },
		ConnState:   s.count,
	}
	go func() {
		defer close(s.served)
		_ = s.http.Serve(l) // ends with ErrServerClosed
	}()
	return s
}

func slogLogger(l *slog.Logger) *log.Logger { return slog.NewLogLogger(l.Handler(), slog.LevelDebug) }

// count counts the connections. A new one is told of by the goroutine of Serve, and so
// never once that has ended; a closed one by its own, as the last that it does.
func (s *Server) count(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.conns.Add(1)
	case http.StateClosed, http.StateHijacked:
		s.conns.Done()
	}
}

// Close closes the listener and waits for what is being answered: for a second for the
// answers, and from then on, with the requests' contexts cancelled, for their handlers.
// ErrAnswering says that one of these did not end within another second, as on a disk that
// hangs: it ends with what it waits for.
func (s *Server) Close() error {
	ctx, stop := context.WithTimeout(context.Background(), closeTimeout)
	defer stop()
	defer s.cancel()
	err := s.http.Shutdown(ctx)
	if err != nil {
		s.cancel()
		err = s.http.Close()
	}
	<-s.served
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.conns.Wait()
	}()
	select {
	case <-ended:
		return err
	case <-time.After(cancelTimeout):
		return errors.Join(err, ErrAnswering)
	}
}
