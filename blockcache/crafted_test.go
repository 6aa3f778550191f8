package blockcache_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/minio/crc64nvme"
)

// F53: maps whose checksum is right and whose fields are not: of a size that would
// not fit anywhere, negative, of another format. All are misses, and none makes the
// cache allocate what it says.
func TestCraftedHeaders(t *testing.T) {
	const sizeAt, blockAt, versionAt, crcAt = 48, 56, 8, 120
	type field struct {
		at    int
		value uint64
	}
	var crafted []field
	for _, v := range []uint64{0, 1, small - 1, small + 1, 1 << 40, math.MaxInt64, 1 << 63, math.MaxUint64, math.MaxUint64 - small + 1} {
		crafted = append(crafted, field{sizeAt, v})
	}
	for _, v := range []uint64{0, 1, 3, kib / 2, 2 * kib, kib + 1, 1 << 40, 1 << 62, 1 << 63, math.MaxUint64} {
		crafted = append(crafted, field{blockAt, v})
	}
	for _, v := range []uint64{0, 1, 3, 1 << 31} {
		crafted = append(crafted, field{versionAt, v})
	}
	for _, f := range crafted {
		eachMoment(t, small, func(p *patient) {
			var before, after runtime.MemStats
			fetched := p.hurt(func() error {
				raw := bytes.Clone(read(p.t, p.mapped))
				if f.at == versionAt {
					binary.LittleEndian.PutUint32(raw[f.at:], uint32(f.value))
				} else {
					binary.LittleEndian.PutUint64(raw[f.at:], f.value)
				}
				binary.LittleEndian.PutUint64(raw[crcAt:], crc64nvme.Checksum(raw[:crcAt]))
				rewrite(p.t, p.mapped, raw)
				runtime.ReadMemStats(&before)
				return nil
			})
			if fetched != 3 && p.when == closed {
				p.t.Errorf("%d at %d: %d blocks fetched", f.value, f.at, fetched)
			}
			p.cured()
			runtime.ReadMemStats(&after)
			// Tests run beside this one, all of them together in a few MiB.
			if n := after.TotalAlloc - before.TotalAlloc; n > 256<<20 {
				p.t.Errorf("%d at %d: %d bytes allocated", f.value, f.at, n)
			}
		})
	}
}

// F61, F62: times say nothing. Files from 1970 or from the future are neither
// evicted nor doubted more than by reading them once.
func TestTouchedFiles(t *testing.T) {
	for _, when := range []time.Time{time.Unix(0, 0), time.Unix(1, 0), time.Now().AddDate(10, 0, 0), time.Now().Add(-24 * time.Hour)} {
		eachMoment(t, small, func(p *patient) {
			fetched := p.hurt(func() error {
				return filepath.WalkDir(p.dir, func(path string, _ os.DirEntry, err error) error {
					return errFirst(err, os.Chtimes(path, when, when))
				})
			})
			if fetched != 0 {
				p.t.Errorf("%v: %d blocks fetched", when, fetched)
			}
			p.cured()
		})
	}
}

// F62: the clock of the machine jumps while the cache is open. In a bubble a jump
// ahead is a long sleep; a jump back shows in files' times only, as above.
func TestYearsPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		c := open(t, config(dir, 1000))
		src := &source{}
		obj := codedObject("a", 20*kib)
		fill(t, c, src, obj)
		time.Sleep(10 * 365 * 24 * time.Hour)
		before := src.requests.Load()
		fill(t, c, src, obj)
		if n := src.requests.Load() - before; n != 0 || c.Stats().Evicted != 0 {
			t.Errorf("%d blocks fetched, %+v", n, c.Stats())
		}
		closeCache(t, c)
	})
}

// F64: a budget of less than a block keeps nothing, and everything is read.
func TestBudgetOfLessThanABlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config(t.TempDir(), 1)
		cfg.Budget = kib - 1
		c := open(t, cfg)
		src := &source{}
		v := c.Version(codedObject("a", 5*kib))
		readAll(t, v, src, kib)
		readAll(t, v, src, 100)
		v.Close()
		synctest.Wait()
		if s := c.Stats(); s.DiskBytes > cfg.Budget {
			t.Errorf("%d bytes on disk of %d", s.DiskBytes, cfg.Budget)
		}
		closeCache(t, c)
	})
}
