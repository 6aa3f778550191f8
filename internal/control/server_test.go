package control

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// answering is a server that is in the middle of h.
func answering(t *testing.T, h http.HandlerFunc) *Server {
	t.Helper()
	dir, begun := testDir(t), make(chan struct{})
	l, err := Listen(dir, "/mnt")
	if err != nil {
		t.Fatal(err)
	}
	s := Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		h(w, r)
	}), slog.New(slog.DiscardHandler))
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		// With a body that h leaves unread: behind it net/http looks for the connection's
		// end, and would cancel the request's context by itself.
		r, err := Client(dir, "/mnt", time.Minute).Post("http://zs3fs/", "text/plain", strings.NewReader("unread"))
		if err == nil {
			r.Body.Close()
			t.Errorf("an answer that was broken off: %s", r.Status)
		}
	}()
	t.Cleanup(func() { <-asked })
	<-begun
	return s
}

func TestCloseCancelsAndWaits(t *testing.T) {
	t.Parallel()
	var ended atomic.Bool
	s := answering(t, func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		ended.Store(true)
		panic(http.ErrAbortHandler) // a handler's end of every kind counts
	})
	if err := s.Close(); err != nil || !ended.Load() {
		t.Errorf("%v; the handler has ended: %v", err, ended.Load())
	}
}

func TestCloseTellsOfAHandlerThatHangs(t *testing.T) {
	t.Parallel()
	hung := make(chan struct{})
	s := answering(t, func(http.ResponseWriter, *http.Request) { <-hung })
	if err := s.Close(); !errors.Is(err, ErrAnswering) {
		t.Error(err)
	}
	close(hung)
	s.conns.Wait()
}
