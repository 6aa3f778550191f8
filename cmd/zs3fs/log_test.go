package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
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
	w := newLogWriter(out, nil, nil)
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

// As logrotate does it: the file is renamed, and its successor begins at the signal.
func TestHangupOpensTheLogAnew(t *testing.T) {
	s := newStand(t)
	log := filepath.Join(s.dir, "log")
	s.must(s.mountArgs("--log-file", log)...)
	daemon := s.daemons()[0]
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	signalAll(t, syscall.SIGHUP, daemon)
	eventually(t, "there is a new log", func() bool {
		_, err := os.Stat(log)
		return err == nil
	})
	// One that cannot be opened leaves the old one in use.
	if err := errors.Join(os.Remove(log), os.Mkdir(log, 0o700)); err != nil {
		t.Fatal(err)
	}
	signalAll(t, syscall.SIGHUP, daemon)
	s.readFile()
	if err := os.Remove(log); err != nil {
		t.Fatal(err)
	}
	eventually(t, "there is a new log again", func() bool {
		signalAll(t, syscall.SIGHUP, daemon)
		_, err := os.Stat(log)
		return err == nil
	})
	s.must("umount", s.mnt)
	eventually(t, "the daemon ends", func() bool { return len(s.daemons()) == 0 })
	for name, want := range map[string]bool{log: true, log + ".1": false} {
		if text, err := os.ReadFile(name); err != nil || strings.Contains(string(text), "msg=unmounted") != want {
			t.Errorf("%s: the end is in it: want %v: %s, %v", name, want, text, err)
		}
	}
}

// Without a log file there is nothing to open, and a terminal that closes ends no mount.
func TestHangupEndsNoMount(t *testing.T) {
	s := newStand(t)
	p := s.foreground()
	p.signal(syscall.SIGHUP)
	s.readFile()
	s.must("umount", s.mnt)
	if code := p.wait(); code != OK {
		t.Errorf("code %d", code)
	}
}
