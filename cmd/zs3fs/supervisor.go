package main

import (
	"errors"
	"log/slog"
	"net"
	"os"
	"time"
)

const (
	// supervisorVariable has the address of the socket on which a service of systemd's
	// Type=notify says how it is.
	supervisorVariable = "NOTIFY_SOCKET"
	// A supervisor that takes nothing must not keep a mount from its readers.
	supervisorPatience = time.Second
)

// supervisor is the address of who waits for the mount to be ready; empty is nobody.
type supervisor string

// takeSupervisor takes it out of the environment, so that no process started from here
// speaks for this one. A library would read it there, each time.
func takeSupervisor() supervisor {
	address := os.Getenv(supervisorVariable)
	_ = os.Unsetenv(supervisorVariable)
	return supervisor(address)
}

// tell says how the service is: READY=1 or STOPPING=1.
func (s supervisor) tell(state string, log *slog.Logger) {
	if s == "" {
		return
	}
	if err := s.send(state); err != nil {
		log.Warn("cannot tell the supervisor", "state", state, "socket", string(s), "error", err)
	}
}

func (s supervisor) send(state string) error {
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: string(s), Net: "unixgram"})
	if err != nil {
		return err
	}
	_ = conn.SetWriteDeadline(time.Now().Add(supervisorPatience))
	_, err = conn.Write([]byte(state))
	return errors.Join(err, conn.Close())
}
