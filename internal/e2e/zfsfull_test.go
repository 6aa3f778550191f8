//go:build zfsvm

package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/zs3fs/zs3fs/s3backend/s3test"
)

// TestZFSQuota lets the cache meet a quota below its own limit. Readers see nothing
// of it, and the blocks are cached again when there is room.
func TestZFSQuota(t *testing.T) {
	for _, quota := range []string{"refquota", "quota"} {
		t.Run(quota, func(t *testing.T) {
			d := newPool(t).dataset("cache", quota+"=8M")
			s := standOn(d)
			f, g := s.put("f", 16*mib), s.put("g", 4*mib)
			s.mount("--cache-size", "64MiB")
			f.verify(t)
			if got := d.bytes("referenced"); got > 10*mib {
				t.Errorf("%d bytes are on the dataset", got)
			}
			g.verify(t)
			d.set(quota + "=none")
			s.healed(t, f, g)
		})
	}
}

// TestZFSPoolFull lets another dataset take all that the pool has.
func TestZFSPoolFull(t *testing.T) {
	p := newPoolOn(t, "small", sparseFile(t, 192*mib))
	d, other := p.dataset("cache"), p.dataset("other")
	s := standOn(d)
	f, g := s.put("f", 16*mib), s.put("g", 4*mib)
	s.mount("--cache-size", "64MiB")
	hog := filepath.Join(other.dir, "hog")
	err := fill(hog)
	t.Logf("the pool is full: %v; %d bytes free", err, d.bytes("available"))
	f.verify(t)
	g.verify(t)
	if err := os.Remove(hog); err != nil {
		t.Fatal(err)
	}
	s.healed(t, f, g)
}

// fill writes what does not compress until that fails.
func fill(path string) error {
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	defer out.Close()
	p := make([]byte, mib)
	for off := int64(0); ; off += mib {
		s3test.Coded(1, 1, gib).ReadAt(p, off)
		if _, err := out.Write(p); err != nil {
			return fmt.Errorf("after %d MiB: %w", off/mib, err)
		}
	}
}
