package e2e_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// jobVariable is the environment variable that makes the test binary a reader.
const jobVariable = "ZS3FS_E2E_READER"

// job is what a reader process is told.
type job struct {
	Mode string // a key of modes
	Path string
	// Seed, Version and Size of the coded contents that must be there.
	Seed, Version uint32
	Size          int64
	// Chunk is the bytes of one read.
	Chunk int
	// Threads that read at once, where the mode has several.
	Threads int
	// Count of reads, where the mode has no end of its own.
	Count int
	// Random is the seed of what is chosen at random.
	Random uint64
}

// verdict is what a reader process answers.
type verdict struct {
	SHA256 string // of the whole file, where the mode reads it all
	Bytes  int64
	// Errno of the error that ended it, 0 for success and for other errors.
	Errno syscall.Errno
	// Error is empty when all was read and all was right.
	Error string
	// Opens of mode follow.
	Opens []opened
}

// modes are the ways to read; each returns at the first error.
var modes = map[string]func(*job, *verdict) error{
	"sequential": readSequential,
	"backwards":  readBackwards,
	"random":     readRandom,
	"sample":     readSample,
	"mmap":       readMapped,
	"direct":     readDirect,
	"splice":     readSpliced,
	"loop":       readLoop,
	"follow":     readFollow,
	"stormed":    readStormed,

	"list stormed": listStormed,
}

// readerMain is main of a reader process: it answers on standard output.
func readerMain(text string) int {
	var (
		j job
		v verdict
	)
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	if err := modes[j.Mode](&j, &v); err != nil {
		v.Error = err.Error()
		errors.As(err, &v.Errno)
	}
	if err := json.NewEncoder(os.Stdout).Encode(v); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	return 0
}

// reader is a reader process under way.
type reader struct {
	job    job
	cmd    *exec.Cmd
	stdin  io.Closer
	out    bytes.Buffer
	stderr bytes.Buffer
	ended  chan struct{} // closed when the process has ended
	err    error         // of Wait; valid after ended
}

// start starts a reader process, which is killed when the test ends.
func (j job) start(t testing.TB) *reader {
	t.Helper()
	text, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{job: j, cmd: exec.Command(self), ended: make(chan struct{})}
	r.cmd.Env = append(os.Environ(), jobVariable+"="+string(text))
	r.cmd.Stdout, r.cmd.Stderr = &r.out, &r.stderr
	if r.stdin, err = r.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		r.err = r.cmd.Wait()
		close(r.ended)
	}()
	t.Cleanup(r.kill)
	return r
}

// kill ends the reader by force, if it still runs.
func (r *reader) kill() {
	r.cmd.Process.Kill() // fails when it has ended
	<-r.ended
}

// wait returns the reader's verdict; a reader that died has none.
func (r *reader) wait() (verdict, error) {
	var v verdict
	select {
	case <-r.ended:
	case <-time.After(2 * patience):
		r.kill()
		return v, fmt.Errorf("reader %s of %s did not end", r.job.Mode, r.job.Path)
	}
	return r.verdict()
}

// verdict of a reader that has ended.
func (r *reader) verdict() (verdict, error) {
	var v verdict
	if r.err != nil {
		return v, fmt.Errorf("reader %s of %s: %w\n%s", r.job.Mode, r.job.Path, r.err, r.stderr.Bytes())
	}
	return v, json.Unmarshal(r.out.Bytes(), &v)
}

// stop ends a reader that goes on until it is told, and returns its verdict; all
// that it read must have been right.
func (r *reader) stop(t testing.TB) verdict {
	t.Helper()
	r.stdin.Close() // fails when the process has ended
	v, err := r.wait()
	if err != nil {
		t.Fatal(err)
	}
	if v.Error != "" {
		t.Errorf("reader %s of %s: %s", r.job.Mode, r.job.Path, v.Error)
	}
	return v
}

// run runs a reader process to its end.
func (j job) run(t testing.TB) verdict {
	t.Helper()
	v, err := j.start(t).wait()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// must runs a reader process that has to read everything right.
func (j job) must(t testing.TB) verdict {
	t.Helper()
	v := j.run(t)
	if v.Error != "" {
		t.Fatalf("reader %s of %s: %s", j.Mode, j.Path, v.Error)
	}
	return v
}
