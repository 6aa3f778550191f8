package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/rpc"
	"net/rpc/jsonrpc"
	"os"
	"os/exec"
	"time"
)

const bucketName = "bench"

// server is the server's process, seen from here.
type server struct {
	serving
	ca     string
	cmd    *exec.Cmd
	client *rpc.Client
}

func startServer(objects []object, ca string) (*server, error) {
	return launch(served{Objects: objects, CA: ca})
}

// startNames starts one with the bucket of names.
func startNames(ca string) (*server, error) { return launch(served{Names: true, CA: ca}) }

func launch(what served) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "serve")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &server{ca: what.CA, cmd: cmd}
	answers := bufio.NewReader(out)
	if err := s.greet(in, answers, what); err != nil {
		return nil, errors.Join(fmt.Errorf("server: %w", err), in.Close(), cmd.Wait())
	}
	s.client = jsonrpc.NewClient(pipes{answers, in})
	return s, nil
}

// greet tells the server what to serve, and waits until it is ready.
func (s *server) greet(in io.Writer, out *bufio.Reader, what served) error {
	if err := json.NewEncoder(in).Encode(what); err != nil {
		return err
	}
	line, err := out.ReadBytes('\n')
	if err != nil {
		return err
	}
	return json.Unmarshal(line, &s.serving)
}

// pipes are the server's standard input and output.
type pipes struct {
	io.Reader
	io.WriteCloser
}

func (s *server) url(p profile) string {
	if p.TLS {
		return s.TLS
	}
	return s.Plain
}

func (s *server) shape(p profile, faults bool) error {
	return s.client.Call("Control.Shape", Shape{p, faults}, &struct{}{})
}

func (s *server) reset() error { return s.client.Call("Control.Reset", struct{}{}, &struct{}{}) }

// counts returns what the server counted, when it has nothing more to send: what was
// asked for too much, and is on its way, counts too.
func (s *server) counts() (Counts, error) {
	for deadline := time.Now().Add(3 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		var c Counts
		if err := s.client.Call("Control.Count", struct{}{}, &c); err != nil || c.Open == 0 || time.Now().After(deadline) {
			return c, err
		}
	}
}

func (s *server) close() error { return errors.Join(s.client.Close(), s.cmd.Wait()) }
