package e2e_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// open opens the file and checks its size.
func (j *job) open(flags int) (*os.File, error) {
	f, err := os.OpenFile(j.Path, os.O_RDONLY|flags, 0)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && st.Size() != j.Size {
		err = fmt.Errorf("size is %d, not %d", st.Size(), j.Size)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// pread reads as much of p as lies below the file's end with one read, and checks
// the bytes. A short read in mid-file is a fault, unless it is the part of a
// failed one that the kernel had: then the rest is an error, which is returned.
func (j *job) pread(f *os.File, p []byte, off int64) (int, error) {
	want := int(max(min(int64(len(p)), j.Size-off), 0))
	n, err := pread(f, p, off)
	if err != nil {
		return 0, fmt.Errorf("read of %d bytes at %d: %w", len(p), off, err)
	}
	if n != want {
		_, err := pread(f, p[n:want], off+int64(n))
		if err != nil {
			return 0, fmt.Errorf("read of %d bytes at %d: %w", want-n, off+int64(n), err)
		}
		return n, fmt.Errorf("read of %d bytes at %d: got %d of %d", len(p), off, n, want)
	}
	return n, s3test.CheckCoded(p[:n], off, j.Seed, j.Version)
}

func (j *job) chunks() int64 { return (j.Size + int64(j.Chunk) - 1) / int64(j.Chunk) }

func sum(p []byte) string {
	h := sha256.Sum256(p)
	return hex.EncodeToString(h[:])
}

func readSequential(j *job, v *verdict) error { return j.stream(v, 0, make([]byte, j.Chunk)) }

// readDirect reads with O_DIRECT into page-aligned memory, the last read reaching
// beyond the end of the file.
func readDirect(j *job, v *verdict) error {
	p, err := unix.Mmap(-1, 0, j.Chunk, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return err
	}
	defer unix.Munmap(p)
	return j.stream(v, unix.O_DIRECT, p)
}

// readSpliced moves the file through a pipe without a buffer of its own between.
func readSpliced(j *job, v *verdict) error {
	f, err := j.open(0)
	if err != nil {
		return err
	}
	defer f.Close()
	out, in, err := os.Pipe()
	if err != nil {
		return err
	}
	defer out.Close()
	defer in.Close()
	h, p := sha256.New(), make([]byte, 64<<10) // what a pipe holds
	for v.Bytes < j.Size {
		n, err := unix.Splice(int(f.Fd()), nil, int(in.Fd()), nil, len(p), 0)
		if err != nil || n == 0 {
			return fmt.Errorf("splice at %d: %d bytes, %w", v.Bytes, n, err)
		}
		if _, err := io.ReadFull(out, p[:n]); err != nil {
			return err
		}
		if err := s3test.CheckCoded(p[:n], v.Bytes, j.Seed, j.Version); err != nil {
			return err
		}
		h.Write(p[:n])
		v.Bytes += n
	}
	v.SHA256 = hex.EncodeToString(h.Sum(nil))
	return nil
}

// stream reads from the beginning to the end, and once more there.
func (j *job) stream(v *verdict, flags int, p []byte) error {
	f, err := j.open(flags)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	for {
		n, err := j.pread(f, p, v.Bytes)
		if err != nil {
			return err
		}
		h.Write(p[:n])
		v.Bytes += int64(n)
		if n == 0 {
			break
		}
	}
	v.SHA256 = hex.EncodeToString(h.Sum(nil))
	return nil
}

// readBackwards reads the chunks from the last to the first, one after another.
func readBackwards(j *job, v *verdict) error {
	inTurn := *j
	inTurn.Threads = 1
	order := make([]int64, 0, j.chunks())
	for i := j.chunks() - 1; i >= 0; i-- {
		order = append(order, i)
	}
	return inTurn.readAll(v, order)
}

// readRandom reads every chunk once, in random order, with several threads on one
// handle.
func readRandom(j *job, v *verdict) error {
	order := make([]int64, j.chunks())
	for i := range order {
		order[i] = int64(i)
	}
	r := rand.New(rand.NewPCG(j.Random, 0))
	r.Shuffle(len(order), func(a, b int) { order[a], order[b] = order[b], order[a] })
	return j.readAll(v, order)
}

// readAll reads the chunks of the whole file in the given order.
func (j *job) readAll(v *verdict, order []int64) error {
	f, err := j.open(0)
	if err != nil {
		return err
	}
	defer f.Close()
	all := make([]byte, j.Size)
	g := new(errgroup.Group)
	g.SetLimit(max(j.Threads, 1))
	for _, i := range order {
		g.Go(func() error {
			off := i * int64(j.Chunk)
			_, err := j.pread(f, all[off:min(off+int64(j.Chunk), j.Size)], off)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	v.Bytes, v.SHA256 = j.Size, sum(all)
	return nil
}

// readSample makes Count reads at random offsets of any alignment, with several
// threads on one handle.
func readSample(j *job, v *verdict) error {
	f, err := j.open(0)
	if err != nil {
		return err
	}
	defer f.Close()
	g := new(errgroup.Group)
	for thread := range max(j.Threads, 1) {
		g.Go(func() error {
			r := rand.New(rand.NewPCG(j.Random, uint64(thread)))
			p := make([]byte, j.Chunk)
			for range j.Count {
				if _, err := j.pread(f, p[:1+r.IntN(len(p))], r.Int64N(j.Size)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// readLoop reads the whole file in different ways until standard input ends.
func readLoop(j *job, v *verdict) error {
	stop := inputEnded()
	r := rand.New(rand.NewPCG(j.Random, 0))
	for !stop.Load() {
		ways := []func(*job, *verdict) error{readSequential, readBackwards, readRandom, readDirect, readSample}
		*v = verdict{}
		if err := ways[r.IntN(len(ways))](j, v); err != nil {
			return err
		}
	}
	return nil
}

// inputEnded returns what becomes true when standard input ends.
func inputEnded() *atomic.Bool {
	stop := new(atomic.Bool)
	go func() {
		io.Copy(io.Discard, os.Stdin) // an error is an end too
		stop.Store(true)
	}()
	return stop
}

// readMapped touches the pages of a mapping of the whole file, with several threads.
// An error of the mount is a SIGBUS, and the end of this process.
func readMapped(j *job, v *verdict) error {
	f, err := j.open(0)
	if err != nil {
		return err
	}
	defer f.Close()
	if j.Size == 0 { // which cannot be mapped
		v.SHA256 = sum(nil)
		return nil
	}
	p, err := unix.Mmap(int(f.Fd()), 0, int(j.Size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	defer unix.Munmap(p)
	g := new(errgroup.Group)
	g.SetLimit(max(j.Threads, 1))
	for i := range j.chunks() {
		g.Go(func() error {
			off := i * int64(j.Chunk)
			return s3test.CheckCoded(p[off:min(off+int64(j.Chunk), j.Size)], off, j.Seed, j.Version)
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	v.Bytes, v.SHA256 = j.Size, sum(p)
	return nil
}

// readStormed looks at the file and reads a third of it by read(2), a third with O_DIRECT and
// a third by a mapping, in a thread that is sent signals with handlers all the while.
func readStormed(j *job, v *verdict) error {
	defer stormed()()
	var st unix.Stat_t
	if err := unix.Stat(j.Path, &st); err != nil {
		return fmt.Errorf("stat: %w", err)
	}
	buffered, err := j.open(0)
	if err != nil {
		return err
	}
	defer buffered.Close()
	direct, err := j.open(unix.O_DIRECT)
	if err != nil {
		return err
	}
	defer direct.Close()
	p, err := unix.Mmap(-1, 0, j.Chunk, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return err
	}
	defer unix.Munmap(p)
	// At random, so that each fault is a request of its own, which a signal may find.
	mapped, err := unix.Mmap(int(buffered.Fd()), 0, int(j.Size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	defer unix.Munmap(mapped)
	if err := unix.Madvise(mapped, unix.MADV_RANDOM); err != nil {
		return err
	}
	h := sha256.New()
	for v.Bytes < j.Size {
		n := int(min(int64(j.Chunk), j.Size-v.Bytes))
		var err error
		switch 3 * v.Bytes / j.Size {
		case 0:
			_, err = j.pread(buffered, p, v.Bytes)
		case 1:
			_, err = j.pread(direct, p, v.Bytes)
		default:
			if err = copyMapped(p, mapped[v.Bytes:][:n]); err == nil {
				err = s3test.CheckCoded(p[:n], v.Bytes, j.Seed, j.Version)
			}
		}
		if err != nil {
			return fmt.Errorf("at %d of %d: %w", v.Bytes, j.Size, err)
		}
		h.Write(p[:n])
		v.Bytes += int64(n)
	}
	v.SHA256 = hex.EncodeToString(h.Sum(nil))
	return nil
}

// stormed sends the calling goroutine's thread signals with handlers until it is told to stop.
func stormed() (stop func()) {
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, unix.SIGALRM, unix.SIGUSR1)
	runtime.LockOSThread() // for good: the thread ends with the goroutine
	tid := unix.Gettid()
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				for _, sig := range []unix.Signal{unix.SIGALRM, unix.SIGUSR1, unix.SIGURG} {
					_ = unix.Tgkill(os.Getpid(), tid, sig) // it is there until stop returns
				}
			}
		}
	})
	return func() {
		close(done)
		wg.Wait()
		signal.Stop(caught)
	}
}

// copyMapped makes an error of a SIGBUS.
func copyMapped(p, mapped []byte) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("of a mapping: %v", r)
		}
	}()
	copy(p, mapped)
	return nil
}
