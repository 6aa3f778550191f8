package fusefs

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// signals are a thread's, as /proc/PID/status has them: bit n-1 is signal n.
type signals struct {
	pending uint64 // of the thread or of its process
	blocked uint64
	ignored uint64
	caught  uint64 // a handler takes them
}

// harmless are the signals that end no process by default.
const harmless = 1<<(unix.SIGCHLD-1) | 1<<(unix.SIGCONT-1) | 1<<(unix.SIGURG-1) | 1<<(unix.SIGWINCH-1) |
	1<<(unix.SIGSTOP-1) | 1<<(unix.SIGTSTP-1) | 1<<(unix.SIGTTIN-1) | 1<<(unix.SIGTTOU-1)

// asking are those by which people and service managers ask a program to end. A
// handler of theirs does not run before the system call returns.
const asking = 1<<(unix.SIGINT-1) | 1<<(unix.SIGQUIT-1) | 1<<(unix.SIGTERM-1)

// end reports whether one that is pending ends the process, or asks it to. (What ends
// it without a core, the kernel has made a SIGKILL of by then.)
func (s signals) end() bool {
	pending := s.pending &^ s.blocked &^ s.ignored
	return pending&asking != 0 || pending&^s.caught&^harmless != 0
}

// signalsOf reads those of the thread tid. Its error says that there is no such thread
// any more, or that it may not be looked at.
func signalsOf(tid uint32) (signals, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", tid))
	if err != nil {
		return signals{}, err
	}
	return parseSignals(text)
}

func parseSignals(status []byte) (signals, error) {
	sets := make(map[string]uint64)
	for line := range bytes.Lines(status) {
		name, value, _ := strings.Cut(string(line), ":")
		switch name {
		case "SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt":
			set, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
			if err != nil {
				return signals{}, fmt.Errorf("signals of a process: %s: %w", name, err)
			}
			sets[name] = set
		}
	}
	if len(sets) != 5 {
		// Without one, a program that is killed could be taken for one that goes on.
		return signals{}, fmt.Errorf("signals of a process: %d of 5 fields", len(sets))
	}
	return signals{
		pending: sets["SigPnd"] | sets["ShdPnd"],
		blocked: sets["SigBlk"], ignored: sets["SigIgn"], caught: sets["SigCgt"],
	}, nil
}
