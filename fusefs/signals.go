package fusefs

import (
	"bytes"
	"fmt"
	"os"
	"strconv"

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

func parseSignals(status []byte) (s signals, err error) {
	fields := map[string]*uint64{"SigBlk": &s.blocked, "SigIgn": &s.ignored, "SigCgt": &s.caught}
	for line := range bytes.Lines(status) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		field := fields[string(name)]
		var pending uint64
		if string(name) == "SigPnd" || string(name) == "ShdPnd" {
			field = &pending
		}
		if field == nil {
			continue
		}
		if *field, err = strconv.ParseUint(string(bytes.TrimSpace(value)), 16, 64); err != nil {
			return signals{}, fmt.Errorf("signals of a process: %s: %w", name, err)
		}
		s.pending |= pending
	}
	return s, nil
}
