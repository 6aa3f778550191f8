package e2e_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// opened is what a reader saw of a file that is overwritten all the time.
type opened struct {
	// Start and End of the call of open, in nanoseconds of the machine's monotonic
	// clock, which all processes share.
	Start, End int64
	// Version of the bytes read; 0 when none could be.
	Version uint32
	Size    int64
	// Read and Stale count the reads that returned bytes and ESTALE.
	Read, Stale int
}

// monotonic returns the machine's monotonic clock.
func monotonic() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic(err) // a clock that every Linux has
	}
	return ts.Nano()
}

// follower is one open handle of readFollow.
type follower struct {
	opened
	f *os.File
}

// readFollow opens the file again and again until standard input ends, and reads
// at random, in order or backwards from several handles of different ages, which
// share the kernel's page cache. Every handle must return one version, in full,
// or ESTALE. The first process gets signals all the while.
func readFollow(j *job, v *verdict) error {
	stop := inputEnded()
	r := rand.New(rand.NewPCG(j.Random, 1))
	if j.Random == 0 {
		defer stormed()()
	}
	var handles []*follower
	drop := func(i int) {
		v.Opens = append(v.Opens, handles[i].opened)
		handles[i].f.Close()
		handles = append(handles[:i], handles[i+1:]...)
	}
	defer func() {
		for len(handles) > 0 {
			drop(0)
		}
	}()
	for !stop.Load() {
		h, err := j.follow(r)
		if err != nil {
			return err
		}
		if handles = append(handles, h); len(handles) > 4 {
			drop(r.IntN(len(handles) - 1))
		}
		// The newest first: it has hardly a chance once the others have been read.
		for _, h := range slices.Backward(handles) {
			if err := j.readHandle(h, r); err != nil {
				return fmt.Errorf("handle opened at %d on a file of %d bytes: %w", h.Start, h.Size, err)
			}
		}
	}
	return nil
}

// follow opens the file.
func (j *job) follow(r *rand.Rand) (*follower, error) {
	h := &follower{}
	flags := os.O_RDONLY
	if r.IntN(8) == 0 {
		flags |= unix.O_DIRECT
	}
	var err error
	h.Start = monotonic()
	h.f, err = os.OpenFile(j.Path, flags, 0)
	h.End = monotonic()
	if err != nil {
		return nil, err
	}
	st, err := h.f.Stat()
	if err != nil {
		h.f.Close()
		return nil, err
	}
	h.Size = st.Size()
	return h, nil
}

// readHandle reads a few chunks of one handle in a random manner.
func (j *job) readHandle(h *follower, r *rand.Rand) error {
	p := make([]byte, 1+64+r.IntN(j.Chunk))
	off, step := r.Int64N(h.Size), int64(0)
	switch r.IntN(3) {
	case 0:
		step = int64(len(p))
	case 1:
		step = -int64(len(p))
	}
	for range 1 + r.IntN(6) {
		if off < 0 || off >= h.Size {
			off = 0
		}
		if err := j.readOnce(h, p, off); err != nil {
			return err
		}
		if off += step; step == 0 {
			off = r.Int64N(h.Size)
		}
	}
	return nil
}

// readOnce reads until p or the file has ended, as programs do: where the kernel
// has a part of what is asked for and gets ESTALE for the rest, it gives the part,
// and the error to the next call. What must never be is the end of the file before
// its end.
func (j *job) readOnce(h *follower, p []byte, off int64) error {
	p = p[:min(int64(len(p)), h.Size-off)]
	n := 0
	for n < len(p) {
		k, err := unix.Pread(int(h.f.Fd()), p[n:], off+int64(n))
		if errors.Is(err, unix.ESTALE) {
			h.Stale++
			break
		}
		if err != nil {
			return fmt.Errorf("read of %d bytes at %d: %w", len(p), off, err)
		}
		if k == 0 {
			return fmt.Errorf("read of %d bytes at %d: end of file after %d", len(p), off, n)
		}
		n += k
	}
	if n == 0 {
		return nil
	}
	h.Read++
	if h.Version == 0 {
		h.Version = versionOf(p[:n], off, j.Seed)
	}
	if h.Version == 0 && n < 64 {
		return nil // too few bytes near the end of the file to tell
	}
	return s3test.CheckCoded(p[:n], off, j.Seed, h.Version)
}

// versionOf tells which version of a seed p is of, by asking for one that is
// none; 0 if p is not of the seed or too short to tell.
func versionOf(p []byte, off int64, seed uint32) uint32 {
	var m *s3test.Mismatch
	if errors.As(s3test.CheckCoded(p, off, seed, ^uint32(0)), &m) && m.Is == s3test.WrongVersion {
		return m.Version
	}
	return 0
}
