package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/syslog"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// keep is the keeper's process. It does not touch the mount point while the daemon
// lives, and then only when the mount table has a mount of ours on top: an automount
// may wait for the next one, and would wait for ever for a keeper that waits for it.
func keep(dir string) Code {
	// A service's stop goes to all its processes; the daemon unmounts then.
	signal.Ignore(unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT, unix.SIGPIPE)
	text, err := io.ReadAll(os.Stdin)
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

// tell writes a line to syslog; a keeper has nowhere else.
func tell(what error) {
	if s, err := syslog.New(syslog.LOG_DAEMON|syslog.LOG_WARNING, "zs3fs"); err == nil {
		_, _ = s.Write([]byte(oneLine(what)))
		s.Close()
	}
}
