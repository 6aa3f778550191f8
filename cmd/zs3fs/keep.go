package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/syslog"
	"os"
	"os/signal"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// keep is the keeper's process. It does not touch the mount point while the daemon
// lives, and then only when the mount table has a mount of ours on top: an automount
// may wait for the next one, and would wait for ever for a keeper that waits for it.
func keep(dir string) Code {
	// Not zs3fs: killall -9 zs3fs is what it is there for.
	nameProcess("mount-keeper")
	// A service's stop goes to all its processes; the daemon unmounts then.
	signal.Ignore(unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT, unix.SIGPIPE)
	text, err := awaitEnd(os.Stdin, os.Getppid())
	if err != nil {
		return Internal
	}
	var id mountID
	if json.Unmarshal(text, &id) != nil {
		return OK // the daemon did not come to mount
	}
	top, err := mountAt(dir)
	if err != nil || top == nil || top.FSType != fsType {
		return OK
	}
	switch done, err := detachMount(dir, id); {
	case err != nil:
		tell(fmt.Errorf("the daemon of %s was killed, and its dead mount cannot be detached: %w", dir, err))
		return Failed
	case done:
		tell(fmt.Errorf("the daemon of %s was killed: its dead mount was detached", dir))
	}
	return OK
}

// awaitEnd returns what the daemon has written, when it has ended: at the end of the
// pipe, or when its first thread is dead and the others are not. Killed while one
// of them tells the kernel to forget a name, it waits for the directory's lock,
// whose holder waits for an answer that no thread is left to give: such a process
// ends only once its connection is aborted (seen once in 133 kills under load).
func awaitEnd(pipe *os.File, daemon int) (text []byte, err error) {
	fds := []unix.PollFd{{Fd: int32(pipe.Fd()), Events: unix.POLLIN}}
	for dead := 0; dead < 2; {
		n, err := unix.Poll(fds, int(lookEvery.Milliseconds()))
		switch {
		case err == unix.EINTR:
		case err != nil:
			return nil, err
		case n == 0 && leaderIsDead(daemon):
			dead++ // twice, because threads need a moment to end
		case n == 0:
			dead = 0
		default:
			part := make([]byte, 1024)
			n, err := pipe.Read(part)
			if text = append(text, part[:n]...); err == io.EOF {
				return text, nil
			} else if err != nil {
				return nil, err
			}
		}
	}
	return text, nil
}

// lookEvery is how often the keeper looks at the daemon: once a second costs
// microseconds, and a hung reader waits no longer than two.
const lookEvery = time.Second

// leaderIsDead reports whether a process's first thread has ended and the process
// has not; Go never ends the first thread of a living program.
func leaderIsDead(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, after, ok := strings.Cut(string(text[bytes.LastIndexByte(text, ')')+1:]), " ")
	return ok && strings.HasPrefix(after, "Z")
}

// tell writes a line to syslog; a keeper has nowhere else.
func tell(what error) {
	if s, err := syslog.New(syslog.LOG_DAEMON|syslog.LOG_WARNING, "zs3fs"); err == nil {
		_, _ = s.Write([]byte(oneLine(what)))
		s.Close()
	}
}
