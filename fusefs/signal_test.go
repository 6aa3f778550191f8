package fusefs_test

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// F66.
func TestSignalStorm(t *testing.T) {
	m := mount(t, setting{})
	m.coded("f", 8, 8, 2<<20)
	cmd := readerCommand(t, "storm", m.path("f"), 0)
	out, err := cmd.Output()
	if err != nil || string(out) != strings.Repeat("2097152\n", 2) {
		t.Fatalf("%q, %v", out, err)
	}
}

func startReader(t *testing.T, m *mounted, n int) *exec.Cmd {
	t.Helper()
	cmd := readerCommand(t, "wait", m.path("f"), n)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// dies fails the test when a process that was sent a signal does not end.
func dies(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("a signalled reader does not die")
	}
}

// F66, F67: a reader that waits for a body dies at a signal; what it waited for
// goes on, and nothing is left of it.
func TestKilledReaders(t *testing.T) {
	m := mount(t, setting{TTL: time.Minute})
	m.coded("f", 8, 8, 4096)
	idle := m.counts().Goroutines
	m.do(command{Op: "gate", Closed: true})
	for _, sig := range []unix.Signal{unix.SIGKILL, unix.SIGINT, unix.SIGTERM, unix.SIGKILL} {
		cmd := startReader(t, m, 4)
		m.until("a reader waits", func(a answer) bool { return a.Waiting == 1 })
		cmd.Process.Signal(sig)
		dies(t, cmd)
	}
	m.do(command{Op: "gate"})
	m.until("nothing waits", func(a answer) bool { return a.Waiting == 0 })
	if err := startReader(t, m, 4).Wait(); err != nil {
		t.Fatal(err)
	}
	// go-fuse keeps up to 16 readers of the device, whatever they last did.
	m.until("goroutines end", func(a answer) bool { return a.Goroutines <= idle+16 })
}

// F68.
func TestOneOfManyIsKilled(t *testing.T) {
	m := mount(t, setting{TTL: time.Minute})
	m.coded("f", 8, 8, 4096)
	m.do(command{Op: "gate", Closed: true})
	many, one := startReader(t, m, 99), startReader(t, m, 1)
	m.until("they wait", func(a answer) bool { return a.Waiting == 1 })
	one.Process.Kill()
	dies(t, one)
	m.do(command{Op: "gate"})
	if err := many.Wait(); err != nil {
		t.Fatal(err)
	}
	if c := m.counts(); c.Gets != 1 {
		t.Fatalf("%d GETs for one block", c.Gets)
	}
}
