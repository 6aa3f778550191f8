package s3test

import (
	"context"
	"slices"
	"sync"
)

// requestLog keeps every request since the last Reset.
type requestLog struct {
	mu      sync.Mutex // guards all below, and what the entries point to
	seq     int
	entries []*Request
	changed chan struct{} // closed at the next change; nil if nobody waits
}

// tell wakes those who await a change; mu is held.
func (l *requestLog) tell() {
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}

// entry is a Request that is being answered.
type entry struct {
	log *requestLog
	req *Request
}

func (l *requestLog) begin(r *Request) entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	r.Seq = l.seq
	kept := *r
	l.entries = append(l.entries, &kept)
	l.tell()
	return entry{l, &kept}
}

// update changes the entry under the log's lock. What a client has seen is in the
// log before: updates come before the bytes are sent.
func (e entry) update(f func(*Request)) {
	e.log.mu.Lock()
	defer e.log.mu.Unlock()
	f(e.req)
	e.log.tell()
}

// Requests returns the requests since the last Reset for which keep is true (all
// if it is nil), in the order of their arrival, the unfinished ones included.
func (s *Server) Requests(keep func(Request) bool) []Request {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	var out []Request
	for _, r := range s.log.entries {
		if keep == nil || keep(*r) {
			out = append(out, *r)
		}
	}
	return out
}

// Count returns the number of requests of the given kinds, of all without any.
func (s *Server) Count(ops ...Op) int {
	return len(s.Requests(func(r Request) bool { return len(ops) == 0 || slices.Contains(ops, r.Op) }))
}

// Mutating returns the number of requests that would have changed something.
func (s *Server) Mutating() int { return s.Count(OpMutate) }

// BytesSent returns the number of bytes of objects sent.
func (s *Server) BytesSent() int64 {
	var n int64
	for _, r := range s.Requests(nil) {
		if r.Op == OpGet && r.Status/100 == 2 {
			n += r.Sent
		}
	}
	return n
}

// Open returns the number of requests that are being answered.
func (s *Server) Open() int {
	return len(s.Requests(func(r Request) bool { return !r.Done }))
}

// Await returns when the requests since the last Reset are as the caller wants
// them, or with ctx's error: so that a test waits for what it needs, and for no
// longer. ok is called again after every change of the log.
func (s *Server) Await(ctx context.Context, ok func([]Request) bool) error {
	for {
		s.log.mu.Lock()
		if s.log.changed == nil {
			s.log.changed = make(chan struct{})
		}
		changed := s.log.changed
		s.log.mu.Unlock()
		if ok(s.Requests(nil)) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// BlockFetches returns how often each block of key was sent, by its offset: the
// bytes of the block that were sent over its length, rounded up, so that a block
// resumed in the middle was sent once and one begun again twice. The last block's
// length is taken from size.
func (s *Server) BlockFetches(key string, blockSize, size int64) map[int64]int {
	sent := make(map[int64]int64)
	for _, r := range s.Requests(nil) {
		if r.Op != OpGet || r.Key != key || r.Status/100 != 2 {
			continue
		}
		for off, end := r.BodyOff, r.BodyOff+r.Sent; off < end; {
			block := off / blockSize * blockSize
			n := min(end, block+blockSize) - off
			sent[block] += n
			off += n
		}
	}
	out := make(map[int64]int)
	for block, n := range sent {
		length := min(blockSize, max(size-block, 1))
		out[block] = int((n + length - 1) / length)
	}
	return out
}

// Reset forgets the requests.
func (s *Server) Reset() {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.log.entries = nil
}
