package main

import (
	"math/rand/v2"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// Shape is a profile, with or without faults.
type Shape struct {
	Profile profile
	Faults  bool
}

// Shape sets the network from now on.
func (s *service) Shape(to Shape, _ *struct{}) error {
	p := to.Profile
	for _, srv := range s.c.servers() {
		srv.ClearFaults()
		srv.SetShape(p.Latency-p.Jitter, p.Rate)
		if s.c.names != nil {
			s.c.names.serve(srv)
		}
		if p.Jitter > 0 {
			srv.Inject(s3test.Fault{Do: func(r s3test.Request, reply *s3test.Reply) {
				s3test.Delay(rand.N(2*p.Jitter))(r, reply)
			}})
		}
		if to.Faults {
			onePercent(srv)
		}
	}
	return nil
}

// onePercent of the GETs are answered 503, as many are cut half way, and as many
// stall there: by turns rather than by chance, so that every run has them all.
func onePercent(srv *s3test.Server) {
	for i, do := range []s3test.Action{
		s3test.SlowDown(),
		halfWay(s3test.Truncate),
		halfWay(s3test.StallAfter),
	} {
		seen := 0
		srv.Inject(s3test.Fault{Match: s3test.Match{Op: s3test.OpGet, Where: func(s3test.Request) bool {
			seen++ // under the script's lock
			return seen%100 == 25*(i+1)
		}}, Do: do})
	}
}

func halfWay(at func(int64) s3test.Action) s3test.Action {
	return func(r s3test.Request, reply *s3test.Reply) { at(reply.Length/2)(r, reply) }
}
