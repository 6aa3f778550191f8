package main

import (
	"syscall"
	"time"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// Counts are what the server saw since the last reset.
type Counts struct {
	Gets, Heads, Lists, Others int
	Bytes                      int64
	Connections                int
	Faulty                     int
	Open                       int // being answered
	CPU                        time.Duration
}

// Count returns what was counted.
func (s *service) Count(_ struct{}, to *Counts) error {
	for _, srv := range s.c.servers() {
		connections := make(map[int64]bool)
		for _, r := range srv.Requests(nil) {
			connections[r.Conn] = true
			to.add(r)
		}
		to.Connections += len(connections)
	}
	to.CPU = selfCPU() - s.c.cpu
	return nil
}

func (c Counts) requests() int { return c.Gets + c.Heads + c.Lists + c.Others }

func (c *Counts) add(r s3test.Request) {
	switch r.Op {
	case s3test.OpGet:
		c.Gets++
		if r.Status/100 == 2 {
			c.Bytes += r.Sent
		}
		if r.Faulty && (r.Aborted || r.Status == 503) {
			c.Faulty++
		}
	case s3test.OpHead:
		c.Heads++
	case s3test.OpList:
		c.Lists++
	default:
		c.Others++
	}
	if !r.Done {
		c.Open++
	}
}

func selfCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
