package control

import (
	"context"
	"log"
	"log/slog"
	"net"
	"net/http"
	"time"
)

const (
	headerTimeout = 5 * time.Second
	// An answer may wait for the cache's sweep, as to a request to pin.
	answerTimeout = 5 * time.Minute
	closeTimeout  = time.Second
	maxHeader     = 16 << 10
	maxBody       = 64 << 10
)

// Server answers on one listener until Close.
type Server struct {
	http *http.Server
	done chan struct{}
}

// Serve starts to answer by h, which gets bodies of 64 KiB at most.
func Serve(l net.Listener, h http.Handler, logger *slog.Logger) *Server {
	s := &Server{done: make(chan struct{}), http: &http.Server{
		Handler:           http.MaxBytesHandler(h, maxBody),
		ReadHeaderTimeout: headerTimeout, ReadTimeout: headerTimeout, WriteTimeout: answerTimeout,
		IdleTimeout: headerTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: slogLogger(logger),
	}}
	go func() {
		defer close(s.done)
		_ = s.http.Serve(l) // ends with ErrServerClosed
	}()
	return s
}

func slogLogger(l *slog.Logger) *log.Logger { return slog.NewLogLogger(l.Handler(), slog.LevelDebug) }

// Close closes the listener, and a second later breaks off what is being answered.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = s.http.Close()
	}
	<-s.done
	return err
}
