package main

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

func TestCat(t *testing.T) {
	s := newStand(t)
	// A key that has no name in a file system, and one that looks like a path.
	s.mem.Put("a//b/../c", s3test.Bytes([]byte("odd\n")))
	s.mem.Put("empty", s3test.Bytes(nil))
	s.mem.PutWith("cold", s3test.Bytes([]byte("x")), s3test.PutOptions{StorageClass: "GLACIER"})
	cat := func(args ...string) outcome {
		return s.run(append([]string{"cat", "--endpoint-url", s.server.URL()}, args...)...)
	}
	o := cat("s3://bucket/file")
	if o.code != OK || len(o.stdout) != 3<<20+5 || s3test.CheckCoded([]byte(o.stdout), 0, 1, 1) != nil {
		t.Errorf("code %d, %d bytes: %s", o.code, len(o.stdout), o.stderr)
	}
	if o = cat("s3://bucket/a//b/../c", "s3://bucket/empty", "s3://bucket/dir/small"); o.code != OK || o.stdout != "odd\nsmall\n" {
		t.Errorf("code %d, %q: %s", o.code, o.stdout, o.stderr)
	}
	for _, c := range []struct {
		uri  string
		code Code
	}{
		{"s3://bucket/nothing", NoObject}, {"s3://bucket/dir", NoObject}, {"s3://bucket/cold", Archived},
		{"s3://bucket", Source}, {"bucket/file", Source},
	} {
		o := cat(c.uri)
		if o.code != c.code || strings.Count(o.stderr, "\n") != 1 || o.stdout != "" {
			t.Errorf("cat %s: code %d, want %d: %s", c.uri, o.code, c.code, o.stderr)
		}
	}
	s.mem.Put("long", s3test.Coded(2, 1, 64<<20))
	s.env = append(s.env, "TMPDIR="+s.dir)
	script := `"$0" cat --endpoint-url "$1" s3://bucket/long | head -c 5 >/dev/null`
	if o = s.runAs("bash", "-o", "pipefail", "-c", script, binary, s.server.URL()); o.code != OK || o.stderr != "" {
		t.Errorf("cat | head: code %d: %s", o.code, o.stderr)
	}
	if n := s.server.BytesSent(); n >= 64<<20 {
		t.Errorf("cat | head fetched %d bytes", n)
	}
	if o = s.run("cat"); o.code != Usage {
		t.Errorf("cat: code %d: %s", o.code, o.stderr)
	}
	if left, err := os.ReadDir(s.dir); err != nil || len(left) != 1 {
		t.Errorf("left in the working directory: %v, %v", left, err)
	}
}

func TestVersionAndCompletion(t *testing.T) {
	s := newStand(t)
	if o := s.run("version"); o.code != OK || !strings.HasPrefix(o.stdout, "zs3fs ") || !strings.Contains(o.stdout, " go1.") {
		t.Errorf("version: %d %q %s", o.code, o.stdout, o.stderr)
	}
	for _, flag := range []string{"--version", "-V"} {
		if o, want := s.run(flag), s.run("version"); o != want {
			t.Errorf("%s: %+v, want %+v", flag, o, want)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if o := s.run("completion", shell); o.code != OK || !strings.Contains(o.stdout, "zs3fs") {
			t.Errorf("completion %s: %d %s", shell, o.code, o.stderr)
		}
	}
}

// Who waits for a reader of the pipe that does not come is ended by the second
// signal, and nothing is left in the temporary directory.
func TestCatIntoAFullPipe(t *testing.T) {
	s := newStand(t)
	temp := s.directory("tmp")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := exec.Command(binary, "cat", "--endpoint-url", s.server.URL(), "s3://"+s.server.Bucket()+"/big")
	cmd.Env, cmd.Stdout = append(s.env, "TMPDIR="+temp), w
	s.mem.Put("big", s3test.Coded(1, 1, 8<<20))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if _, err := io.ReadFull(r, make([]byte, 1<<20+1)); err != nil { // it is in the midst of its second write
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	eventually(t, "it ends", func() bool {
		_ = cmd.Process.Signal(os.Interrupt)
		select {
		case <-ended:
			return true
		default:
			return false
		}
	})
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
