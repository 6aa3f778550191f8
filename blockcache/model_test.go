package blockcache_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/zs3fs/zs3fs/blockcache"
	"github.com/zs3fs/zs3fs/s3backend"
	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// machine is a cache under every kind of use and damage at once. The model is
// the bucket: whatever happened before, a read gives the coded bytes.
type machine struct {
	dir     string
	cfg     blockcache.Config
	cache   *blockcache.Cache
	bucket  *s3test.Mem
	objects []s3backend.Object
	open    []*blockcache.Version
	guesses sync.WaitGroup
	ctx     context.Context
	cancel  context.CancelFunc
}

func newMachine(t *rapid.T, dir string) *machine {
	m := &machine{dir: dir, bucket: s3test.NewMem()}
	for i, size := range []int64{1, kib, 5*kib + 3, 40 * kib, 700 * kib} {
		m.objects = append(m.objects, m.bucket.Put(fmt.Sprint("object ", i), s3test.Coded(seed, 1, size)))
	}
	m.cfg = config(dir, int64(rapid.IntRange(1, 60).Draw(t, "budget")))
	m.start(t)
	return m
}

func (m *machine) start(t *rapid.T) {
	m.cfg.Memory = blockcache.NewMemory(int64(rapid.IntRange(8, 20).Draw(t, "memory"))*kib, kib)
	c, err := blockcache.Open(m.cfg)
	if err != nil {
		t.Fatal(err)
	}
	m.cache = c
	m.ctx, m.cancel = context.WithCancel(context.Background())
}

func (m *machine) stop(t *rapid.T) {
	m.cancel()
	m.guesses.Wait()
	for _, v := range m.open {
		v.Close()
	}
	m.open = nil
	if err := m.cache.Close(); err != nil {
		t.Fatal(err)
	}
	if n := m.cfg.Memory.InUse(); n != 0 {
		t.Fatalf("%d bytes of memory in use after the end", n)
	}
}

func (m *machine) version(t *rapid.T) *blockcache.Version {
	if len(m.open) == 0 {
		m.Open(t)
	}
	return rapid.SampledFrom(m.open).Draw(t, "version")
}

func (m *machine) Open(t *rapid.T) {
	m.open = append(m.open, m.cache.Version(rapid.SampledFrom(m.objects).Draw(t, "object")))
}

func (m *machine) Close(t *rapid.T) {
	if len(m.open) == 0 {
		return
	}
	i := rapid.IntRange(0, len(m.open)-1).Draw(t, "which")
	m.open[i].Close()
	m.open = append(m.open[:i], m.open[i+1:]...)
}

// Read reads a range with several readers at once.
func (m *machine) Read(t *rapid.T) {
	v := m.version(t)
	size := v.Object().Size
	off := rapid.Int64Range(0, size-1).Draw(t, "off")
	n := rapid.IntRange(1, 3*kib).Draw(t, "n")
	var wg sync.WaitGroup
	for range rapid.IntRange(1, 3).Draw(t, "readers") {
		wg.Go(func() {
			scratch := make([]byte, n)
			for at, end := off, min(off+int64(n), size); at < end; {
				got, err := readOnce(context.Background(), v, m.bucket, scratch, at, int(end-at), func(p []byte) error {
					return s3test.CheckCoded(p, at, seed, 1)
				})
				if err != nil {
					t.Errorf("read %d at %d of %s: %v", n, at, v.Object().Key, err)
					return
				}
				at += int64(got)
			}
		})
	}
	wg.Wait()
	m.Check(t)
}

func (m *machine) Guess(t *rapid.T) {
	v := m.version(t)
	first := rapid.Int64Range(0, v.Object().Size/kib).Draw(t, "first")
	f := v.Claim(first, rapid.Int64Range(1, 12).Draw(t, "blocks"), false)
	if f == nil {
		return
	}
	m.guesses.Go(func() { _ = f.Run(m.ctx, m.bucket) }) // cancelled, or ended by a restart
	if rapid.Bool().Draw(t, "cancel") {
		f.Cancel()
	}
}

func (m *machine) Forget(t *rapid.T) { m.version(t).Forget(0, 1<<40) }

// Pin pins what fits.
func (m *machine) Pin(t *rapid.T) {
	v := m.version(t)
	err := v.Pin()
	var refused *blockcache.PinError
	if err != nil && !errors.As(err, &refused) {
		t.Fatal(err)
	}
	if err == nil && !v.Pinned() {
		t.Fatal("not pinned")
	}
}

func (m *machine) Unpin(t *rapid.T) {
	v := m.version(t)
	if err := v.Unpin(); err != nil || v.Pinned() {
		t.Fatal("still pinned", err)
	}
}

// Budget changes the budget while readers are at it.
func (m *machine) Budget(t *rapid.T) {
	m.cfg.Budget = int64(rapid.IntRange(1, 60).Draw(t, "budget")) * kib
	m.cache.SetBudget(m.cfg.Budget, 0)
}

// Interrupt reads with a context that ends at once or soon.
func (m *machine) Interrupt(t *rapid.T) {
	v := m.version(t)
	off := rapid.Int64Range(0, v.Object().Size-1).Draw(t, "off")
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rapid.IntRange(0, 50).Draw(t, "µs"))*time.Microsecond)
	defer cancel()
	if chunk, err := v.Read(ctx, make([]byte, 100), off, 100); err == nil {
		if err := s3test.CheckCoded(chunk.Data, off, seed, 1); err != nil {
			t.Error(err)
		}
		chunk.Release()
	}
}

func (m *machine) Restart(t *rapid.T) {
	m.stop(t)
	m.start(t)
}

// Damage does something to a file while the cache is closed.
func (m *machine) Damage(t *rapid.T) {
	m.stop(t)
	var paths []string
	err := filepath.WalkDir(m.dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	path := rapid.SampledFrom(paths).Draw(t, "file")
	if err := damage(t, path, rapid.SampledFrom(paths).Draw(t, "other")); err != nil {
		t.Fatal(err)
	}
	m.start(t)
}

func damage(t *rapid.T, path, other string) error {
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	switch rapid.SampledFrom([]string{"flip", "truncate", "extend", "zero", "remove", "swap", "FIFO"}).Draw(t, "damage") {
	case "flip":
		at := []int64{rapid.Int64Range(0, max(0, st.Size()-1)).Draw(t, "at")}
		p := make([]byte, 1)
		if _, err := f.ReadAt(p, at[0]); err != nil {
			return nil // an empty file
		}
		p[0] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		_, err = f.WriteAt(p, at[0])
	case "truncate":
		err = f.Truncate(rapid.Int64Range(0, st.Size()).Draw(t, "length"))
	case "extend":
		err = f.Truncate(st.Size() + 1)
	case "zero":
		err = zero(path)
	case "remove":
		err = os.Remove(path)
	case "swap":
		err = unix.Renameat2(unix.AT_FDCWD, path, unix.AT_FDCWD, other, unix.RENAME_EXCHANGE)
	case "FIFO":
		err = errFirst(os.Remove(path), unix.Mkfifo(path, 0o600))
	}
	return err
}

// Abandon goes on with a copy of the directory as it lies there in the middle of
// everything, as after a kill.
func (m *machine) Abandon(t *rapid.T) {
	next := filepath.Join(filepath.Dir(m.dir), filepath.Base(m.dir)+"+")
	if err := copyCache(m.dir, next); err != nil {
		t.Fatal(err)
	}
	m.stop(t)
	if err := errFirst(os.RemoveAll(m.dir), os.Rename(next, m.dir)); err != nil {
		t.Fatal(err)
	}
	m.start(t)
}

func (m *machine) Check(t *rapid.T) {
	if n := m.cfg.Memory.InUse(); n > m.cfg.Memory.Limit() {
		t.Fatalf("%d bytes of %d in use", n, m.cfg.Memory.Limit())
	}
	s := m.cache.Stats()
	if s.DiskBytes < 0 || s.ReadErrors != 0 || s.WriteErrors != 0 {
		t.Fatalf("%+v", s)
	}
}

// copyCache copies a cache that is being written to. What vanishes meanwhile is
// left out. It copies maps before data: what a kill leaves has every block that
// its map names.
func copyCache(from, to string) error {
	return filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if e.IsDir() {
			return os.Mkdir(filepath.Join(to, rel), 0o700)
		}
		if !e.Type().IsRegular() {
			return nil // a FIFO that Damage put there
		}
		raw, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			return nil
		}
		return errFirst(err, os.WriteFile(filepath.Join(to, rel), raw, 0o600))
	})
}

func TestModel(t *testing.T) {
	base := t.TempDir()
	var run int
	rapid.Check(t, func(t *rapid.T) {
		run++
		m := newMachine(t, filepath.Join(base, fmt.Sprint(run)))
		defer os.RemoveAll(m.dir)
		defer m.stop(t)
		t.Repeat(map[string]func(*rapid.T){
			"open":      m.Open,
			"close":     m.Close,
			"read":      m.Read,
			"read more": m.Read,
			"guess":     m.Guess,
			"forget":    m.Forget,
			"interrupt": m.Interrupt,
			"restart":   m.Restart,
			"pin":       m.Pin,
			"unpin":     m.Unpin,
			"budget":    m.Budget,
			"damage":    m.Damage,
			"abandon":   m.Abandon,
		})
	})
}

// Many readers of versions that do not fit, with eviction under their hands.
func TestReadersUnderEviction(t *testing.T) {
	bucket := s3test.NewMem()
	var objects []s3backend.Object
	for i := range 4 {
		objects = append(objects, bucket.Put(fmt.Sprint(i), s3test.Coded(seed, 1, 60*kib+int64(i))))
	}
	cfg := config(t.TempDir(), 50)
	cfg.WriteQueue = 100 * kib
	c := open(t, cfg)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(i)))
			scratch := make([]byte, 2*kib)
			// On one processor the writers may get few turns: go on until they had.
			for round := 0; round < 30 || c.Stats().Evicted < 100; round++ {
				v := c.Version(objects[r.IntN(len(objects))])
				for range 40 {
					off := r.Int64N(v.Object().Size)
					n := 1 + r.IntN(len(scratch))
					if _, err := readOnce(t.Context(), v, bucket, scratch, off, n, func(p []byte) error {
						return s3test.CheckCoded(p, off, seed, 1)
					}); err != nil {
						t.Error(err)
					}
				}
				v.Close()
				if s := c.Stats(); s.DiskBytes > cfg.Budget {
					t.Errorf("%d bytes of %d", s.DiskBytes, cfg.Budget)
				}
			}
		})
	}
	wg.Wait()
	if s := c.Stats(); s.DiskHits == 0 || s.Mismatches != 0 {
		t.Errorf("%+v", s)
	}
	closeCache(t, c)
}
