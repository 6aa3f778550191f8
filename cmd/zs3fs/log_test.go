package main

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// stuckLog blocks until it is released.
type stuckLog struct {
	release chan struct{}
	mu      sync.Mutex // guards text
	text    bytes.Buffer
}

func (s *stuckLog) Write(p []byte) (int, error) {
	<-s.release
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *stuckLog) Close() error { return nil }

func TestStuckLogNeverBlocks(t *testing.T) {
	out := &stuckLog{release: make(chan struct{})}
	w := newLogWriter(out)
	const lines = 3 * logQueue
	for i := range lines {
		fmt.Fprintf(w, "line %d\n", i) // would hang here
	}
	close(out.release)
	w.Close()
	<-w.done
	fmt.Fprintln(w, "after the end") // is no panic
	text := out.text.String()
	if !strings.HasPrefix(text, "line 0\n") || !strings.Contains(text, "log lines were dropped") {
		t.Errorf("begins %.60q; the loss is not told", text)
	}
	if n := strings.Count(text, "line "); n < logQueue || n > lines {
		t.Errorf("%d lines", n)
	}
}
