package fusefs

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func set(all ...unix.Signal) (bits uint64) {
	for _, s := range all {
		bits |= 1 << (s - 1)
	}
	return bits
}

func TestSignalsThatEndAProgram(t *testing.T) {
	for _, c := range []struct {
		is  string
		s   signals
		end bool
	}{
		{"nothing: it was taken by another thread", signals{}, false},
		{"killed", signals{pending: set(unix.SIGKILL)}, true},
		{"killed, with others", signals{pending: set(unix.SIGKILL, unix.SIGURG), caught: set(unix.SIGURG)}, true},
		{"a handler's", signals{pending: set(unix.SIGALRM, unix.SIGUSR1, unix.SIGPROF), caught: set(unix.SIGALRM, unix.SIGUSR1, unix.SIGPROF)}, false},
		{"a handler's, of real time", signals{pending: 1 << 63, caught: 1 << 63}, false},
		{"no handler's, with a core", signals{pending: set(unix.SIGABRT)}, true},
		{"one of two has no handler", signals{pending: set(unix.SIGALRM, unix.SIGXCPU), caught: set(unix.SIGALRM)}, true},
		{"harmless without a handler", signals{pending: set(unix.SIGCHLD, unix.SIGURG, unix.SIGWINCH, unix.SIGCONT)}, false},
		{"stopped", signals{pending: set(unix.SIGSTOP)}, false},
		{"interrupted, with a handler", signals{pending: set(unix.SIGINT), caught: set(unix.SIGINT)}, true},
		{"terminated, with a handler", signals{pending: set(unix.SIGTERM), caught: set(unix.SIGTERM)}, true},
		{"interrupted, which is ignored", signals{pending: set(unix.SIGINT), ignored: set(unix.SIGINT)}, false},
		{"terminated, which this thread blocks", signals{pending: set(unix.SIGTERM), caught: set(unix.SIGTERM), blocked: set(unix.SIGTERM)}, false},
		{"hung up, with a handler", signals{pending: set(unix.SIGHUP), caught: set(unix.SIGHUP)}, false},
		{"hung up", signals{pending: set(unix.SIGHUP)}, true},
	} {
		if got := c.s.end(); got != c.end {
			t.Errorf("%s: %v, want %v", c.is, got, c.end)
		}
	}
}

func TestParseSignals(t *testing.T) {
	status := "Name:\tcat\nPid:\t7\nSigQ:\t0/96000\nSigPnd:\t0000000000000100\nShdPnd:\t0000000000000002\nSigBlk:\t0000000000010000\n" +
		"SigIgn:\t0000000000001000\nSigCgt:\t8000000180014a07\nCapInh:\t0000000000000000\n"
	want := signals{pending: 0x102, blocked: 0x10000, ignored: 0x1000, caught: 0x8000000180014a07}
	if got, err := parseSignals([]byte(status)); got != want || err != nil {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	for _, wrong := range []string{"", "Name:\tcat\n", "SigPnd:\tx\n", status[:strings.Index(status, "SigCgt")]} {
		if got, err := parseSignals([]byte(wrong)); err == nil {
			t.Errorf("%q: %+v, and no error", wrong, got)
		}
	}
}

// This process and its threads, and what is none.
func TestSignalsOf(t *testing.T) {
	for _, tid := range []int{os.Getpid(), unix.Gettid()} {
		if s, err := signalsOf(uint32(tid)); err != nil || s.end() || s.caught&set(unix.SIGURG) == 0 {
			t.Errorf("of this thread, which the runtime sends SIGURG: %+v, %v", s, err)
		}
	}
	for _, tid := range []uint32{0, 1 << 31} {
		if !ends(tid) {
			t.Errorf("%d, which cannot be looked at, is taken for one that goes on", tid)
		}
	}
	if ends(uint32(os.Getpid())) {
		t.Error("this process is taken for one that ends")
	}
}
