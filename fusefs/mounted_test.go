package fusefs_test

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// With the race detector a process sleeps for a second before it ends, in case a
// race is still to come, and ends in 66 when there was one.
const (
	quickExit = "GORACE=atexit_sleep_ms=20"
	raceExit  = 66
)

// mounted is a mount that another process serves.
type mounted struct {
	t   testing.TB
	dir string
	cmd *exec.Cmd

	mu  sync.Mutex // guards the following: one command at a time
	in  io.WriteCloser
	out *json.Decoder
}

func startDaemon(t testing.TB, set setting) (*mounted, answer) {
	t.Helper()
	if set.Dir == "" {
		set.Dir = t.TempDir()
	}
	set.CacheDir = filepath.Join(t.TempDir(), "cache")
	if set.BlockSize == 0 {
		set.BlockSize = 4096
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	m := &mounted{t: t, dir: set.Dir, cmd: exec.Command(exe)}
	m.cmd.Env = append(os.Environ(), roleEnv+"=daemon", quickExit)
	m.cmd.Stderr = &testLog{t: t}
	m.in, err = m.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := m.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := m.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	m.out = json.NewDecoder(bufio.NewReader(out))
	t.Cleanup(func() {
		m.in.Close()
		timer := time.AfterFunc(20*time.Second, func() {
			t.Error("the daemon does not end")
			m.cmd.Process.Signal(syscall.SIGQUIT)
		})
		m.cmd.Wait()
		timer.Stop()
		if m.cmd.ProcessState.ExitCode() == raceExit {
			t.Error("the daemon has a data race")
		}
		unix.Unmount(m.dir, unix.MNT_DETACH)
	})
	if err := json.NewEncoder(m.in).Encode(set); err != nil {
		t.Fatal(err)
	}
	var a answer
	if err := m.out.Decode(&a); err != nil {
		t.Fatalf("the daemon said nothing: %v", err)
	}
	return m, a
}

func mount(t testing.TB, set setting) *mounted {
	t.Helper()
	m, a := startDaemon(t, set)
	if a.Error != "" {
		t.Fatal(a.Error)
	}
	return m
}

// do never fails for the command's own error, which is in the answer.
func (m *mounted) do(c command) answer {
	m.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := json.NewEncoder(m.in).Encode(c); err != nil {
		m.t.Fatal(err)
	}
	var a answer
	if err := m.out.Decode(&a); err != nil {
		m.t.Fatalf("the daemon said nothing to %q: %v", c.Op, err)
	}
	return a
}

func (m *mounted) put(key, data string) {
	m.t.Helper()
	m.do(command{Op: "put", Key: []byte(key), Data: []byte(data)})
}

func (m *mounted) coded(key string, seed, version uint32, size int64) {
	m.t.Helper()
	m.do(command{Op: "put", Key: []byte(key), Seed: seed, Version: version, Size: size})
}

func (m *mounted) delete(key string) { m.t.Helper(); m.do(command{Op: "delete", Key: []byte(key)}) }

func (m *mounted) counts() answer { m.t.Helper(); return m.do(command{Op: "counts"}) }

// until polls the daemon until ok, since what it does cannot be seen from here.
func (m *mounted) until(what string, ok func(answer) bool) {
	m.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !ok(m.counts()) {
		if time.Now().After(deadline) {
			m.t.Fatalf("never: %s: %+v", what, m.counts())
		}
	}
}

func (m *mounted) path(name string) string { return m.dir + "/" + name }

// testLog shows the daemon's standard error with the test's own.
type testLog struct {
	t  testing.TB
	mu sync.Mutex
}

func (l *testLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.t.Logf("daemon: %s", p)
	return len(p), nil
}
