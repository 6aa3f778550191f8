package blockcache_test

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/blockcache"
)

// onDisk adds up the data in the data files. The file system's own blocks, which du counts,
// are not in the budget: ext4 takes one of 4 KiB for a file of more than four extents.
func onDisk(t testing.TB, dir string) (sum int64) {
	t.Helper()
	data, _ := files(t, dir)
	for _, path := range data {
		f, err := os.Open(path)
		if err != nil {
			continue // evicted meanwhile
		}
		for from, to := int64(0), int64(0); ; sum += to - from {
			if from, err = unix.Seek(int(f.Fd()), to, unix.SEEK_DATA); err != nil {
				break // none behind it
			}
			if to, err = unix.Seek(int(f.Fd()), from, unix.SEEK_HOLE); err != nil {
				break // or no more
			}
		}
		f.Close()
	}
	return sum
}

// A scan of twice the budget, in one file and in many: the budget holds at every
// write, by our account and by the file system's. Blocks of 64 KiB, which a file
// system can free one by one.
func TestBudgetHoldsDuringAScan(t *testing.T) {
	const block, budget = 64 * kib, 20
	for name, sizes := range map[string][]int64{
		"one large file":   {40 * block},
		"many small files": {3 * block, 5 * block, block, 7*block + 1, 9 * block, 4 * block, 11 * block},
		"larger than all":  {100 * block, block},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				var c *blockcache.Cache
				var worst atomic.Int64
				cfg := config(dir, 0)
				cfg.BlockSize, cfg.Budget = block, budget*block
				cfg.Memory = blockcache.NewMemory(0, block)
				cfg.WriteQueue = 4 * block
				c = openFaulty(t, cfg, blockcache.Faults{
					Pwrite: func(p []byte, _ int64, real func() (int, error)) (int, error) {
						n, err := real()
						if len(p) == block {
							worst.Store(max(worst.Load(), onDisk(t, dir)))
						}
						return n, err
					},
				})
				src := &source{}
				scratch := make([]byte, block)
				for i, size := range sizes {
					v := c.Version(codedObject(string(rune('a'+i)), size))
					for off := int64(0); off < size; off += block {
						if _, err := readOnce(t.Context(), v, src, scratch, off, block, func([]byte) error { return nil }); err != nil {
							t.Fatal(err)
						}
						synctest.Wait()
						if n := c.Stats().DiskBytes; n > cfg.Budget {
							t.Fatalf("%d bytes of %d", n, cfg.Budget)
						}
					}
					v.Close()
				}
				s := c.Stats()
				if s.Dropped != 0 || s.Evicted == 0 || s.DiskBytes < cfg.Budget*9/20 {
					t.Errorf("%+v", s)
				}
				if worst.Load() > cfg.Budget {
					t.Errorf("files took up to %d bytes of %d", worst.Load(), cfg.Budget)
				}
				closeCache(t, c)
			})
		})
	}
}

func TestEvictionIsFirstInFirstOutWithASecondChance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, config(t.TempDir(), 30))
		defer closeCache(t, c)
		src := &source{}
		a, b, d := codedObject("a", 10*kib), codedObject("b", 10*kib), codedObject("c", 10*kib)
		fill(t, c, src, a)
		fill(t, c, src, b)
		fill(t, c, src, d)
		c.Version(a).Close() // opened again
		fill(t, c, src, codedObject("d", 5*kib))
		for _, want := range []struct {
			name    string
			blocks  int64
			version *blockcache.Version
		}{{"a", 10, c.Version(a)}, {"b", 5, c.Version(b)}, {"c", 10, c.Version(d)}} {
			if n, _ := want.version.Cached(); n != want.blocks {
				t.Errorf("%s: %d blocks", want.name, n)
			}
			want.version.Close()
		}
	})
}

func TestBudgetLoweredAtRestart(t *testing.T) {
	dir := t.TempDir()
	seeded(t, dir, codedObject("a", 10*kib), codedObject("b", 10*kib), codedObject("c", 10*kib))
	synctest.Test(t, func(t *testing.T) {
		c := open(t, config(dir, 15))
		synctest.Wait() // for the sweep
		if n := c.Stats().DiskBytes; n > 15*kib || n == 0 {
			t.Errorf("%d bytes", n)
		}
		closeCache(t, c)
		cfg := config(dir, 0)
		cfg.Budget = 10 // less than a block: nothing is kept
		c = open(t, cfg)
		src := &source{}
		v := c.Version(codedObject("a", 10*kib))
		readAll(t, v, src, kib)
		v.Close()
		synctest.Wait()
		if n := c.Stats().DiskBytes; n > 10 {
			t.Errorf("%d bytes", n)
		}
		closeCache(t, c)
	})
}

// The sweep counts what is there and removes what belongs to nothing.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	obj := codedObject("a", 10*kib+1)
	seeded(t, dir, obj, codedObject("b", 5*kib))
	data, maps := files(t, dir)
	shard := filepath.Dir(data[0])
	objects := filepath.Dir(shard)
	orphan := filepath.Base(data[0])
	// What links lead to must stay. It is the test's own: if one were followed, no
	// other harm must come of it.
	outside := t.TempDir()
	precious := filepath.Join(outside, "precious")
	err := errFirst(
		os.WriteFile(precious, []byte("precious"), 0o600),
		os.MkdirAll(objects+"/foreign/deep/er", 0o700),
		os.WriteFile(objects+"/file", nil, 0o600),
		os.Symlink(outside, objects+"/ff"),
		os.WriteFile(shard+"/tmp123", nil, 0o600),
		os.MkdirAll(objects+"/0f", 0o700),
		os.WriteFile(objects+"/0f/"+orphan, nil, 0o600),
		os.WriteFile(objects+"/0f/"+orphan[:len(orphan)-1]+"0.map", []byte("x"), 0o600),
		os.Symlink(precious, shard+"/link"),
		unix.Mkfifo(shard+"/fifo", 0o600),
	)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		c := open(t, config(dir, 1000))
		v := c.Version(obj) // open while the sweep runs
		if n, _ := v.Cached(); n != 11 {
			t.Errorf("%d blocks", n)
		}
		synctest.Wait()
		if n := c.Stats().DiskBytes; n != 15*kib+1 {
			t.Errorf("%d bytes counted", n)
		}
		v.Close()
		closeCache(t, c)
	})
	leftData, leftMaps := files(t, dir)
	if len(leftData) != len(data) || len(leftMaps) != len(maps) {
		t.Errorf("left: %v %v", leftData, leftMaps)
	}
	if text, err := os.ReadFile(precious); err != nil || string(text) != "precious" {
		t.Errorf("behind the links: %q, %v", text, err)
	}
}

// What a crash left on disk without a map entry is freed by the next sweep.
func TestSweepFreesStrays(t *testing.T) {
	const block = 256 * kib
	dir := t.TempDir()
	obj := codedObject("a", 4*block)
	cfg := config(dir, 0)
	cfg.BlockSize, cfg.Budget = block, 100*block
	cfg.Memory = blockcache.NewMemory(0, block)
	synctest.Test(t, func(t *testing.T) {
		c := open(t, cfg)
		v := c.Version(obj)
		for i := range int64(4) {
			fetch(t, v, &source{}, i, 1, true)
			synctest.Wait()
		}
		v.Close()
		closeCache(t, c)
		_, maps := files(t, dir)
		f, err := os.OpenFile(maps[0], os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range []int64{0, 2} {
			if _, err := f.WriteAt(make([]byte, 8), blockcache.EntriesOffset+8*i); err != nil {
				t.Fatal(err)
			}
		}
		f.Close()
		c = open(t, cfg)
		synctest.Wait()
		if n := c.Stats().DiskBytes; n != 2*block {
			t.Errorf("%d bytes counted", n)
		}
		if n := onDisk(t, dir); n > 2*block+8*kib {
			t.Errorf("%d bytes on disk", n)
		}
		closeCache(t, c)
	})
}
