package main

import (
	"log/slog"
	"os"

	"github.com/coreos/go-systemd/v22/daemon"
)

// supervisorVariable has the address of the socket on which a service of systemd's
// Type=notify says how it is.
const supervisorVariable = "NOTIFY_SOCKET"

// supervisor is the address of who waits for the mount to be ready; empty is nobody.
type supervisor string

// takeSupervisor takes it out of the environment, so that no process started from here
// speaks for this one.
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
	// The library looks for it there, and takes it away again.
	_ = os.Setenv(supervisorVariable, string(s))
	if _, err := daemon.SdNotify(true, state); err != nil {
		log.Warn("cannot tell the supervisor", "state", state, "socket", string(s), "error", err)
	}
}
