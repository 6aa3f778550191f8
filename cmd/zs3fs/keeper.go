package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"syscall"
)

// keeperName is the first argument of a keeper's process; the second is the mount
// point.
const keeperName = "zs3fs-keeper"

// keeper is the daemon's hold on a small process that outlives it. A daemon that is
// killed leaves a mount where every access fails with ENOTCONN, for an automount
// too, which takes it for mounted: the keeper detaches it. It learns of the
// daemon's end by the end of a pipe, of which no other process has the other end.
// In the foreground as well: a supervisor's next attempt, or whoever looks, finds
// the same dead mount otherwise.
type keeper struct {
	cmd  *exec.Cmd
	pipe io.WriteCloser
}

// startKeeper starts the keeper of the mount that is to be made on dir. It must be
// called before the mount: the descriptor of a FUSE connection is inherited, and
// whoever has it keeps the connection from ending with the daemon. nil after an
// error: the mount works without a keeper.
func startKeeper(dir string, log *slog.Logger) *keeper {
	closeOnExec()
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{keeperName, dir}
	// No secret of the daemon's. One thread is enough.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "GOMAXPROCS=1"}
	cmd.Dir = "/"
	// What ends the daemon's process group does not end the keeper. The daemon
	// itself stays in the group, for autofs.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	pipe, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		log.Warn("no keeper: killed, this daemon would leave a dead mount behind", "error", err)
		return nil
	}
	return &keeper{cmd, pipe}
}

// arm tells the keeper which mount is the daemon's.
func (k *keeper) arm(dir string, log *slog.Logger) {
	if k == nil {
		return
	}
	id, err := mountIDAt(dir)
	if err == nil {
		err = json.NewEncoder(k.pipe).Encode(id)
	}
	if err != nil {
		log.Warn("the keeper does not work: killed, this daemon would leave a dead mount behind", "error", err)
	}
}

// release ends the keeper; the mount has ended, or is the caller's business. It may
// be called again.
func (k *keeper) release() {
	if k == nil || k.cmd.ProcessState != nil {
		return
	}
	_ = k.cmd.Process.Kill()
	_ = k.cmd.Wait() // and closes the pipe
}
