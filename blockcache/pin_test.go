package blockcache_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/blockcache"
	"github.com/zs3fs/zs3fs/s3backend"
)

func pin(t *testing.T, c *blockcache.Cache, obj s3backend.Object) error {
	t.Helper()
	v := c.Version(obj)
	defer v.Close()
	err := v.Pin()
	if pinned := v.Pinned(); pinned != (err == nil) {
		t.Errorf("pinned: %t, after %v", pinned, err)
	}
	return err
}

func cachedBlocks(c *blockcache.Cache, obj s3backend.Object) int64 {
	v := c.Version(obj)
	defer v.Close()
	n, _ := v.Cached()
	return n
}

// Pinned versions stay: under a scan, over a restart, in a lowered budget; and go
// when they are unpinned.
func TestPinnedVersionsStay(t *testing.T) {
	dir := t.TempDir()
	a, b, scan := codedObject("a", 10*kib), codedObject("b", 10*kib), codedObject("scan", 100*kib)
	synctest.Test(t, func(t *testing.T) {
		src := &source{}
		c := open(t, config(dir, 30))
		fill(t, c, src, b)
		for _, obj := range []s3backend.Object{a, b, b} { // one before its blocks come
			if err := pin(t, c, obj); err != nil {
				t.Fatal(err)
			}
		}
		fill(t, c, src, a)
		fill(t, c, src, scan)
		if s := c.Stats(); s.Pinned != 2 || s.PinnedBytes != 20*kib || s.DiskBytes > s.Budget || s.DiskBytes < 29*kib {
			t.Errorf("%+v", s)
		}
		closeCache(t, c)

		c = open(t, config(dir, 15)) // less than what is pinned
		synctest.Wait()
		fill(t, c, src, scan)
		if s := c.Stats(); s.Pinned != 2 || s.PinnedBytes != 20*kib || s.DiskBytes != 20*kib {
			t.Errorf("after a restart: %+v", s)
		}
		for _, obj := range []s3backend.Object{a, b} {
			if n := cachedBlocks(c, obj); n != 10 {
				t.Errorf("%s: %d blocks", obj.Key, n)
			}
		}
		v := c.Version(a)
		if err := v.Unpin(); err != nil || v.Pinned() {
			t.Error("still pinned", err)
		}
		v.Close()
		synctest.Wait()
		if s := c.Stats(); s.DiskBytes > s.Budget || s.PinnedBytes != 10*kib {
			t.Errorf("unpinned: %+v", s)
		}
		closeCache(t, c)
	})
	pins, err := filepath.Glob(filepath.Join(home(t, dir), "objects/*/*.pin"))
	if err != nil || len(pins) != 1 {
		t.Errorf("pins left: %v, %v", pins, err)
	}
}

func TestPinsMustFit(t *testing.T) {
	c := open(t, config(t.TempDir(), 30))
	defer closeCache(t, c)
	if err := pin(t, c, codedObject("a", 20*kib)); err != nil {
		t.Fatal(err)
	}
	err := pin(t, c, codedObject("b", 11*kib))
	var refused *blockcache.PinError
	if !errors.As(err, &refused) || *refused != (blockcache.PinError{Size: 11 * kib, Pinned: 20 * kib, Budget: 30 * kib}) {
		t.Error(err)
	}
	if err := pin(t, c, codedObject("c", 10*kib)); err != nil {
		t.Error(err)
	}
	none, _ := memoryOnly(t, 10)
	if err := pin(t, none, codedObject("a", kib)); err == nil {
		t.Error("pinned where nothing is kept")
	}
}

// A pin holds until blocks come, over a restart too; and once its version has been
// replaced, until all are taken away.
func TestPinsAreOfWhatIsNotCached(t *testing.T) {
	dir := t.TempDir()
	a, scan := codedObject("a", 10*kib), codedObject("scan", 100*kib)
	synctest.Test(t, func(t *testing.T) {
		c := open(t, config(dir, 30))
		if err := pin(t, c, a); err != nil {
			t.Fatal(err)
		}
		closeCache(t, c)

		src := &source{}
		c = open(t, config(dir, 30))
		if err := pin(t, c, codedObject("b", 21*kib)); err == nil {
			t.Error("more is pinned than fits")
		}
		fill(t, c, src, a)
		fill(t, c, src, scan)
		if n := cachedBlocks(c, a); n != 10 {
			t.Errorf("%d of 10 pinned blocks are there", n)
		}
		if s := c.Stats(); s.Pinned != 1 || s.PinnedBytes != 10*kib {
			t.Errorf("%+v", s)
		}
		if err := c.UnpinAll(); err != nil {
			t.Error(err)
		}
		fill(t, c, src, scan)
		if s := c.Stats(); s.Pinned != 0 || s.PinnedBytes != 0 || s.DiskBytes > s.Budget {
			t.Errorf("nothing pinned: %+v", s)
		}
		closeCache(t, c)
	})
	pins, err := filepath.Glob(filepath.Join(home(t, dir), "objects/*/*.pin"))
	if err != nil || len(pins) != 0 {
		t.Errorf("pins left: %v, %v", pins, err)
	}
}

// What is no pin is swept; nothing is followed.
func TestSweepOfPins(t *testing.T) {
	dir := t.TempDir()
	seeded(t, dir, codedObject("a", kib), codedObject("b", kib), codedObject("c", kib))
	data, _ := files(t, dir)
	precious := filepath.Join(t.TempDir(), "precious")
	orphan := data[2][:len(data[2])-1] + "x.pin"
	err := errFirst(
		os.WriteFile(precious, []byte("precious"), 0o600),
		os.WriteFile(data[0]+".pin", nil, 0o600),
		os.Symlink(precious, data[1]+".pin"),
		unix.Mkfifo(data[2]+".pin", 0o600),
		os.WriteFile(orphan, nil, 0o600),
		os.WriteFile(data[2][:len(data[2])-1]+"0.pin.pin", nil, 0o600),
		os.WriteFile(strings.TrimSuffix(orphan, ".pin")+".pin.map", nil, 0o600),
	)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		c := open(t, config(dir, 10))
		synctest.Wait()
		if s := c.Stats(); s.Pinned != 1 || s.PinnedBytes != kib || s.DiskBytes != 3*kib {
			t.Errorf("%+v", s)
		}
		closeCache(t, c)
	})
	pins, err := filepath.Glob(filepath.Join(home(t, dir), "objects/*/*pin*"))
	if err != nil || len(pins) != 1 || pins[0] != data[0]+".pin" {
		t.Errorf("pins left: %v, %v", pins, err)
	}
	if raw, err := os.ReadFile(precious); err != nil || string(raw) != "precious" {
		t.Errorf("behind the link: %q, %v", raw, err)
	}
}
