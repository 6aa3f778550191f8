package blockcache_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/blockcache"
)

func openFaulty(t testing.TB, cfg blockcache.Config, f blockcache.Faults) *blockcache.Cache {
	t.Helper()
	c, err := blockcache.OpenFaulty(cfg, f)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// logged is a log that a test can look at.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logged) count(s string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.buf.String(), s)
}

// F45, F46, F48: a disk that takes no writes fails no read, is left alone for a
// while, and is used again when it works.
func TestFailedWritesPauseCaching(t *testing.T) {
	for _, errno := range []unix.Errno{unix.ENOSPC, unix.EDQUOT, unix.EIO, unix.EROFS} {
		t.Run(errno.Error(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var broken atomic.Bool
				var tries atomic.Int64
				log := &logged{}
				cfg := config(t.TempDir(), 1000)
				cfg.Logger = slog.New(slog.NewTextHandler(log, nil))
				c := openFaulty(t, cfg, blockcache.Faults{
					Pwrite: func(p []byte, _ int64, real func() (int, error)) (int, error) {
						if broken.Load() && len(p) == kib {
							tries.Add(1)
							return 0, errno
						}
						return real()
					},
				})
				defer closeCache(t, c)
				src := &source{}
				obj := codedObject("a", 40*kib)
				fill(t, c, src, codedObject("before", 5*kib))
				broken.Store(true)
				fill(t, c, src, obj)
				if n := tries.Load(); n != 1 {
					t.Errorf("%d writes tried within the pause", n)
				}
				for range 40 { // for ten minutes
					time.Sleep(15 * time.Second)
					fill(t, c, src, codedObject("a"+fmt.Sprint(tries.Load()), kib))
				}
				if n := tries.Load(); n < 15 || n > 30 {
					t.Errorf("%d writes tried in ten minutes", n)
				}
				if s := c.Stats(); s.WriteErrors != tries.Load() || s.Dropped == 0 {
					t.Errorf("%+v", s)
				}
				broken.Store(false)
				time.Sleep(31 * time.Second)
				fill(t, c, src, obj)
				v := c.Version(obj)
				if present, _ := v.Cached(); present != 40 {
					t.Errorf("%d blocks cached after the repair", present)
				}
				v.Close()
				if paused, again := log.count("caching pauses"), log.count("caching again"); paused != 1 || again != 1 {
					t.Errorf("%d and %d lines logged", paused, again)
				}
			})
		})
	}
}

// F47: a block that cannot be read is fetched again; a disk that cannot be read
// at all is left alone, and used again when it can.
func TestFailedReadsAreMisses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		var broken atomic.Bool
		var tries atomic.Int64
		cfg := config(dir, 1000)
		c := openFaulty(t, cfg, blockcache.Faults{
			Pread: func(p []byte, off int64, real func() (int, error)) (int, error) {
				if broken.Load() && (len(p) == kib || len(p) == 100) {
					tries.Add(1)
					return 0, unix.EIO
				}
				return real()
			},
		})
		defer closeCache(t, c)
		src := &source{}
		obj := codedObject("a", 40*kib)
		fill(t, c, src, obj)
		before := src.requests.Load()
		broken.Store(true)
		v := c.Version(obj)
		defer v.Close()
		readAll(t, v, src, 100)
		if n := src.requests.Load() - before; n != 40 || tries.Load() > 5 {
			t.Errorf("%d blocks fetched, %d reads tried", n, tries.Load())
		}
		if s := c.Stats(); s.ReadErrors != tries.Load() {
			t.Errorf("%d read errors counted of %d", s.ReadErrors, tries.Load())
		}
		broken.Store(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		readAll(t, v, src, kib)
		before = src.requests.Load()
		readAll(t, v, src, kib)
		if n := src.requests.Load() - before; n != 0 {
			t.Errorf("%d blocks fetched after the repair", n)
		}
	})
}

// F49: reads go round a disk that hangs, and an interrupt ends the wait for it.
func TestHungDiskDoesNotBlockReads(t *testing.T) {
	for _, n := range []int{100, kib} {
		t.Run(fmt.Sprint("by ", n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var hung atomic.Bool
				heal := make(chan struct{})
				hang := func(real func() (int, error)) (int, error) {
					if hung.Load() {
						<-heal
					}
					return real()
				}
				c := openFaulty(t, config(t.TempDir(), 1000), blockcache.Faults{
					Pread:  func(_ []byte, _ int64, real func() (int, error)) (int, error) { return hang(real) },
					Pwrite: func(_ []byte, _ int64, real func() (int, error)) (int, error) { return hang(real) },
				})
				src := &source{}
				obj, other := codedObject("a", 40*kib), codedObject("b", 40*kib)
				fill(t, c, src, obj)
				v, w := c.Version(obj), c.Version(other)
				readAll(t, v, src, n) // verified, mostly not in memory
				before := src.requests.Load()
				hung.Store(true)

				ctx, interrupt := context.WithCancel(t.Context())
				first := readAsync(ctx, v, 0, n)
				wantNothing(t, first)
				interrupt()
				wantError(t, first, context.Canceled)

				start := time.Now()
				var wg sync.WaitGroup
				for range 10 {
					wg.Go(func() { readAll(t, v, src, n) })
					wg.Go(func() { readAll(t, w, src, n) })
				}
				wg.Wait()
				if took := time.Since(start); took > 10*time.Second {
					t.Errorf("reading took %v", took)
				}
				if got := src.requests.Load() - before; got == 0 {
					t.Error("nothing fetched")
				}
				close(heal)
				hung.Store(false)
				time.Sleep(time.Minute)
				readAll(t, v, src, n)
				v.Close()
				w.Close()
				closeCache(t, c)
			})
		})
	}
}

// A version opened for the first time on a disk that hangs at once.
func TestHungDiskAtOpen(t *testing.T) {
	dir := t.TempDir()
	obj := codedObject("a", 40*kib)
	seeded(t, dir, obj)
	synctest.Test(t, func(t *testing.T) {
		heal := make(chan struct{})
		c := openFaulty(t, config(dir, 1000), blockcache.Faults{
			Pread: func(_ []byte, _ int64, real func() (int, error)) (int, error) {
				<-heal
				return real()
			},
		})
		src := &source{}
		v := c.Version(obj)
		start := time.Now()
		readAll(t, v, src, kib)
		if took := time.Since(start); took > 10*time.Second || src.requests.Load() == 0 {
			t.Errorf("reading took %v with %d requests", took, src.requests.Load())
		}
		v.Close()
		start = time.Now()
		if err := c.Close(); err == nil {
			t.Error("Close says that all is written")
		}
		if took := time.Since(start); took > 15*time.Second {
			t.Errorf("Close took %v", took)
		}
		close(heal)
	})
}

func TestHungWritesLeaveMemoryToReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		heal := make(chan struct{})
		cfg := config(t.TempDir(), 1000)
		cfg.WriteQueue = 1 << 30 // far more than memory
		c := openFaulty(t, cfg, blockcache.Faults{
			Pwrite: func(p []byte, _ int64, real func() (int, error)) (int, error) {
				<-heal
				return real()
			},
		})
		src := &source{}
		v := c.Version(codedObject("a", 100*kib))
		guess := run(t.Context(), v.Claim(50, 50, false), src)
		start := time.Now()
		readAll(t, v, src, kib)
		if took := time.Since(start); took > 0 {
			t.Errorf("readers waited %v for a write", took)
		}
		if err := <-guess; err != nil {
			t.Error(err)
		}
		if n := cfg.Memory.InUse(); n > cfg.Memory.Limit() {
			t.Errorf("%d bytes in use", n)
		}
		close(heal)
		v.Close()
		closeCache(t, c)
		if n := cfg.Memory.InUse(); n != 0 {
			t.Errorf("%d bytes in use after the end", n)
		}
	})
}

// A source that fails is the flight's business, not the disk's.
func TestFailedFetchLeavesNothingOnDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, config(t.TempDir(), 1000))
		defer closeCache(t, c)
		tap := newFaucet()
		src := &source{body: tap.body}
		v := c.Version(codedObject("a", 10*kib))
		defer v.Close()
		done := run(t.Context(), v.Claim(0, 10, true), src)
		tap.pour(3*kib + 500)
		synctest.Wait()
		broken := errors.New("broken")
		tap.fail(broken)
		if err := <-done; !errors.Is(err, broken) {
			t.Fatal(err)
		}
		synctest.Wait()
		if present, _ := v.Cached(); present != 3 {
			t.Fatalf("%d blocks on disk of 3", present)
		}
	})
}

func TestMinFreeIsLeftToOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var free atomic.Int64
		free.Store(1000 * kib)
		cfg := config(t.TempDir(), 1000)
		cfg.MinFree = 500 * kib
		c := openFaulty(t, cfg, blockcache.Faults{Free: func() (int64, error) { return free.Load(), nil }})
		defer closeCache(t, c)
		src := &source{}
		fill(t, c, src, codedObject("a", 50*kib))
		if n := c.Stats().DiskBytes; n != 50*kib {
			t.Fatalf("%d bytes on disk", n)
		}
		free.Store(490 * kib) // others write
		time.Sleep(2 * time.Second)
		fill(t, c, src, codedObject("b", 20*kib))
		if s := c.Stats(); s.DiskBytes > 40*kib || s.Evicted == 0 {
			t.Fatalf("%+v", s)
		}
		free.Store(1000 * kib)
		time.Sleep(2 * time.Second)
		before := c.Stats().DiskBytes
		fill(t, c, src, codedObject("c", 20*kib))
		if n := c.Stats().DiskBytes; n != before+20*kib {
			t.Fatalf("%d bytes on disk, before %d", n, before)
		}
	})
}

// A block that is fetched again while the space of its damaged self is still
// being freed must not be freed with it.
func TestBlockIsNotWrittenWhileItIsBeingFreed(t *testing.T) {
	dir := t.TempDir()
	obj := codedObject("a", 20*kib)
	seeded(t, dir, obj)
	data, _ := files(t, dir)
	if err := flip(data[0]); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		heal := make(chan struct{})
		c := openFaulty(t, config(dir, 1000), blockcache.Faults{
			Punch: func(_, _ int64, real func() error) error {
				<-heal
				return real()
			},
		})
		src := &source{}
		v := c.Version(obj)
		start := time.Now()
		readAll(t, v, src, kib)
		if took := time.Since(start); took > 0 {
			t.Errorf("readers waited %v for the disk", took)
		}
		synctest.Wait()
		close(heal)
		synctest.Wait()
		readAll(t, v, src, 100)
		readAll(t, v, src, kib)
		if s := c.Stats(); s.Mismatches != 20 || s.DiskBytes > obj.Size {
			t.Errorf("%+v", s)
		}
		v.Close()
		closeCache(t, c)
	})
}

// F45: a disk that is full just when a version is sealed. Making room may evict
// that very version.
func TestFullDiskAtASeal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var full atomic.Bool
		full.Store(true)
		c := openFaulty(t, config(t.TempDir(), 60), blockcache.Faults{
			Pwrite: func(p []byte, _ int64, real func() (int, error)) (int, error) {
				if full.Load() && len(p) == blockcache.SealSize {
					return 0, unix.ENOSPC
				}
				return real()
			},
		})
		defer closeCache(t, c)
		src := &source{}
		fill(t, c, src, codedObject("a", 40*kib))
		if c.Stats().WriteErrors == 0 {
			t.Error("no seal was written")
		}
		full.Store(false)
		time.Sleep(time.Minute)
		fill(t, c, src, codedObject("b", 40*kib)) // for which a has to go
		before := src.requests.Load()
		fill(t, c, src, codedObject("b", 40*kib))
		if n := src.requests.Load() - before; n != 0 {
			t.Errorf("%d requests for what must be cached", n)
		}
	})
}
