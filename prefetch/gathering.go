package prefetch

import (
	"context"
	"errors"
	"fmt"

	"github.com/zs3fs/zs3fs/blockcache"
)

// maxTries is how often a block may be looked for in vain: two or three times when
// a cancelled flight crossed the read, more often only when so many readers share
// so little memory that what is fetched is gone before it is seen.
const maxTries = 16

var errLost = errors.New("prefetch: blocks are lost faster than they can be read: too little memory")

// gathering is one read under way.
type gathering struct {
	reader *Reader
	want   span   // what to fetch together
	doubt  bool   // nobody may come to what is read: it is not worth a request
	jobs   []*job // demanded
}

// gather collects the bytes at off, as many as dst has. No buffer stays pinned
// while it waits for another one, or readers could wait for each other: so a
// chunk that is not the last is copied to its place in dst.
func (g *gathering) gather(ctx context.Context, dst []byte, off int64) (Result, error) {
	defer g.withdraw()
	l := g.reader.detector.limits
	all := l.cover(off, off+int64(len(dst)))
	asked := all.first
	if all.n == 1 || g.doubt {
		asked = all.end() // most reads: a miss is soon enough to ask
	}
	pos := 0
	for {
		// All that is missing of the next request's size, and not one block after
		// another; but no more, as memory may not hold it until it is read.
		if at := (off + int64(pos)) / l.block; at == asked && at < all.end() {
			asked = min(at+l.request, all.end())
			g.demand(span{at, asked - at})
		}
		c, err := g.piece(ctx, dst[pos:], off+int64(pos))
		if err != nil {
			return Result{}, err
		}
		if pos+len(c.Data) == len(dst) {
			if len(g.jobs) > 0 {
				g.reader.resume()
			}
			if pos == 0 {
				return Result{Slices: [][]byte{c.Data}, chunk: c}, nil
			}
			return Result{Slices: [][]byte{dst[:pos], c.Data}, chunk: c}, nil
		}
		place(dst[pos:], c.Data)
		pos += len(c.Data)
		c.Release()
	}
}

// piece returns some of the bytes at off, at most len(dst), at least one.
func (g *gathering) piece(ctx context.Context, dst []byte, off int64) (blockcache.Chunk, error) {
	block := off / g.reader.block
	retried := false // after another's error
	for try := range maxTries {
		c, err := g.reader.version.Read(ctx, dst, off, len(dst))
		switch {
		case err == nil:
			return c, nil
		case err == blockcache.ErrMiss && g.doubt:
			g.reader.crew.refuse()
			return blockcache.Chunk{}, ErrUnneeded
		case err == blockcache.ErrMiss:
		case retried || ctx.Err() != nil:
			return blockcache.Chunk{}, err
		default:
			// It waited for what somebody else had asked for, perhaps on a guess,
			// which must not fail a read; not by ErrChanged either, as it was not asked
			// for it whether the bucket has the version still.
			retried = true
		}
		if try > 0 {
			g.want = span{block, 1} // what came with it may be what drove it out
		}
		if err := g.fetch(ctx, block); err != nil {
			return blockcache.Chunk{}, err
		}
	}
	return blockcache.Chunk{}, fmt.Errorf("%w (block %d of %q)", errLost, block, g.reader.Object().Key)
}

// fetch sees to it that block is on its way.
func (g *gathering) fetch(ctx context.Context, block int64) error {
	j := g.jobFor(block)
	if j == nil {
		g.demand(span{block, 1})
		if j = g.jobFor(block); j == nil {
			return nil // somebody else has begun just now
		}
		return wait(ctx, j, j.begun)
	}
	select {
	case <-j.begun:
		// It was on its way and is not: its job is about to end, with an error.
		err := wait(ctx, j, j.ended)
		g.forget(j)
		return err
	default:
		return wait(ctx, j, j.begun)
	}
}

// demand asks for the missing blocks of s, if any, and then also for those of want,
// as they come in the same requests.
func (g *gathering) demand(s span) {
	r := g.reader
	if _, n := r.version.Missing(s.first, s.n); n == 0 {
		return
	}
	if size := r.detector.limits.request; g.want.n <= size && len(g.jobs) == 0 {
		s = g.want
	} else {
		s.n = max(s.n, min(g.want.end()-s.first, size))
	}
	r.crew.overtake(r.guesser, s)
	for s.n > 0 {
		at, n := r.version.Missing(s.first, s.n)
		if n == 0 {
			return
		}
		for _, piece := range (span{at, n}).pieces(r.detector.limits.request) {
			g.jobs = append(g.jobs, r.crew.demand(r, piece))
		}
		s = span{at + n, s.end() - at - n}
	}
}

// wait waits until c is closed, and returns the job's error if it has ended.
func wait(ctx context.Context, j *job, c <-chan struct{}) error {
	select {
	case <-c:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-j.ended:
		return j.err
	default:
		return nil
	}
}

func (g *gathering) jobFor(block int64) *job {
	for _, j := range g.jobs {
		if j.span.first <= block && block < j.span.end() {
			return j
		}
	}
	return nil
}

func (g *gathering) forget(j *job) {
	for i := range g.jobs {
		if g.jobs[i] == j {
			g.jobs = append(g.jobs[:i], g.jobs[i+1:]...)
			return
		}
	}
}

// withdraw takes back what still waits for a connection.
func (g *gathering) withdraw() {
	for _, j := range g.jobs {
		select {
		case <-j.begun:
		default:
			g.reader.crew.withdraw(j)
		}
	}
}
