package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// listenAsSupervisor makes a socket like systemd's, and names it in the environment.
func (s *stand) listenAsSupervisor(address string) *net.UnixConn {
	s.t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	s.env = append(s.env, supervisorVariable+"="+address)
	return conn
}

// told is the next message.
func (s *stand) told(conn *net.UnixConn) string {
	s.t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		s.t.Fatal(err)
	}
	text := make([]byte, 512)
	n, err := conn.Read(text)
	if err != nil {
		s.t.Fatalf("nothing was told: %v", err)
	}
	return string(text[:n])
}

// silent checks that no message waits.
func (s *stand) silent(conn *net.UnixConn) {
	s.t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		s.t.Fatal(err)
	}
	text := make([]byte, 512)
	if n, err := conn.Read(text); err == nil {
		s.t.Errorf("%q was told", text[:n])
	}
}

func TestSupervisorIsTold(t *testing.T) {
	for _, abstract := range []bool{false, true} {
		s := newStand(t)
		address := filepath.Join(s.dir, "notify")
		if abstract {
			address = "@" + address
		}
		conn := s.listenAsSupervisor(address)
		p := s.foreground()
		if state := s.told(conn); state != "READY=1" || !s.mounted() {
			t.Errorf("told %q, mounted %v", state, s.mounted())
		}
		if text, err := os.ReadFile(filepath.Join("/proc", s.keeper(), "environ")); err != nil || strings.Contains(string(text), address) {
			t.Errorf("the keeper has the socket: %q, %v", text, err)
		}
		s.silent(conn)
		s.must("umount", s.mnt)
		if state := s.told(conn); state != "STOPPING=1" {
			t.Errorf("told %q at the end", state)
		}
		if code := p.wait(); code != OK {
			t.Errorf("code %d", code)
		}
	}
}

// Nobody is told of what is not the service's main process, or has not mounted; and the
// programs that a mount runs, fusermount3 and zfs, get no socket to speak on.
func TestSupervisorIsNotTold(t *testing.T) {
	s := newStand(t)
	conn := s.listenAsSupervisor(filepath.Join(s.dir, "notify"))
	s.must(s.mountArgs()...)
	text, err := os.ReadFile(filepath.Join("/proc", s.daemons()[0], "environ"))
	if err != nil || strings.Contains(string(text), supervisorVariable) {
		t.Errorf("the daemon in the background has the socket: %q, %v", text, err)
	}
	s.must("umount", s.mnt)
	if o := s.run(s.operands("no-such-bucket", s.mnt, "-f", "--log-file", os.DevNull)...); o.code != NoBucket {
		t.Errorf("code %d: %s", o.code, o.stderr)
	}
	s.silent(conn)
}

// A supervisor that has gone costs a line in the log.
func TestSupervisorGone(t *testing.T) {
	s := newStand(t)
	s.listenAsSupervisor(filepath.Join(s.dir, "notify")).Close()
	p := s.foreground()
	s.readFile()
	s.must("umount", s.mnt)
	if code := p.wait(); code != OK || !strings.Contains(p.logged(), "cannot tell the supervisor") {
		t.Errorf("code %d", code)
	}
}

func TestTakeSupervisor(t *testing.T) {
	t.Setenv(supervisorVariable, "/run/systemd/notify")
	if got := takeSupervisor(); got != "/run/systemd/notify" || os.Getenv(supervisorVariable) != "" {
		t.Errorf("took %q, left %q", got, os.Getenv(supervisorVariable))
	}
}
