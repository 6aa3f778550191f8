package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/rpc"
	"net/rpc/jsonrpc"
	"os"
	"runtime/debug"
	"time"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// served tells the server's process what to serve.
type served struct {
	Objects []object
	Names   bool   // serve the bucket of names instead
	CA      string // file that the certificate is written to
}

// serving is what the server's process answers when it is ready.
type serving struct{ Plain, TLS string } // URLs

// serveMain is the server's process: it does what it is told by JSON-RPC on its
// standard input, until that ends.
func serveMain() error {
	in := bufio.NewReader(os.Stdin)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return err
	}
	var what served
	if err := json.Unmarshal(line, &what); err != nil {
		return err
	}
	c, err := newControl(what)
	if err != nil {
		return err
	}
	defer c.close()
	if err := json.NewEncoder(os.Stdout).Encode(serving{c.plain.URL(), c.secure.URL()}); err != nil {
		return err
	}
	srv := rpc.NewServer()
	if err := srv.RegisterName("Control", &service{c}); err != nil {
		return err
	}
	srv.ServeCodec(jsonrpc.NewServerCodec(stdio{in}))
	return nil
}

// stdio is the parent's end.
type stdio struct{ in *bufio.Reader }

func (s stdio) Read(p []byte) (int, error)  { return s.in.Read(p) }
func (s stdio) Write(p []byte) (int, error) { return os.Stdout.Write(p) }
func (s stdio) Close() error                { return nil }

// control holds the two servers of one bucket: with and without TLS.
type control struct {
	plain, secure *s3test.Server
	files         []io.Closer
	names         *names        // nil: the bucket is that of the servers
	cpu           time.Duration // before the last reset
}

func newControl(what served) (*control, error) {
	mem := s3test.NewMem()
	c := &control{}
	if what.Names {
		c.names = newNames(nameSets())
		// Half a GiB without a pointer costs the collector nothing, as much again for
		// its leisure costs the machine memory.
		debug.SetGCPercent(10)
	}
	opened := make(map[string]s3test.Content)
	for n, o := range what.Objects {
		if opened[o.File] == nil {
			f, err := s3test.File(o.File)
			if err != nil {
				return nil, err
			}
			opened[o.File] = f
			c.files = append(c.files, f)
		}
		// An MD5 of each would take seconds.
		put := mem.PutWith(o.Key, s3test.Section(opened[o.File], o.Off, o.Size),
			s3test.PutOptions{ETag: fmt.Sprintf("\"%032x-1\"", n+1)})
		// A store knows its checksums; worked out when first asked for, they would take
		// the daemon's share of the processors.
		if _, err := mem.Checksum(context.Background(), put); err != nil {
			return nil, err
		}
	}
	certificate, err := newCertificate(what.CA)
	if err != nil {
		return nil, err
	}
	if c.plain, err = s3test.NewServer(mem, s3test.ServerConfig{Bucket: bucketName}); err != nil {
		return nil, err
	}
	if c.secure, err = s3test.NewServer(mem, s3test.ServerConfig{
		Bucket: bucketName, TLS: &tls.Config{Certificates: []tls.Certificate{certificate}},
	}); err != nil {
		return nil, err
	}
	return c, (&service{c}).Shape(Shape{}, nil)
}

func (c *control) close() {
	for _, s := range c.servers() {
		s.Close()
	}
	for _, f := range c.files {
		f.Close()
	}
}

func (c *control) servers() []*s3test.Server { return []*s3test.Server{c.plain, c.secure} }

// service is what the parent may call.
type service struct{ c *control }

// Reset forgets what was counted.
func (s *service) Reset(struct{}, *struct{}) error {
	for _, srv := range s.c.servers() {
		srv.Reset()
	}
	s.c.cpu = selfCPU()
	return nil
}
