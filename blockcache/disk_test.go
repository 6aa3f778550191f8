package blockcache_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"golang.org/x/sys/unix"

	"github.com/zs3fs/zs3fs/blockcache"
	"github.com/zs3fs/zs3fs/s3backend"
)

// config of a cache on disk in dir, with so many blocks of budget; memory is
// small, so that most reads are of the disk.
func config(dir string, budget int64) blockcache.Config {
	return blockcache.Config{
		Dir:        dir,
		Namespace:  blockcache.Namespace{Endpoint: "http://s3", Bucket: "bucket"},
		BlockSize:  kib,
		Budget:     budget * kib,
		WriteQueue: 4 * kib,
		Memory:     blockcache.NewMemory(8*kib, kib),
		Owner:      "/mnt/test",
	}
}

func open(t testing.TB, cfg blockcache.Config) *blockcache.Cache {
	t.Helper()
	c, err := blockcache.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func closeCache(t testing.TB, c *blockcache.Cache) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

// fill reads an object block by block, each of them on disk before the next, and
// leaves it whole in the cache at dir.
func fill(t *testing.T, c *blockcache.Cache, src blockcache.Source, obj s3backend.Object) {
	t.Helper()
	v := c.Version(obj)
	defer v.Close()
	scratch := make([]byte, kib)
	for off := int64(0); off < obj.Size; off += kib {
		if _, err := readOnce(t.Context(), v, src, scratch, off, kib, func([]byte) error { return nil }); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
	}
}

// seeded makes a cache directory with one whole object in it.
func seeded(t *testing.T, dir string, objects ...s3backend.Object) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, config(dir, 1000))
		src := &source{}
		for _, obj := range objects {
			fill(t, c, src, obj)
		}
		closeCache(t, c)
	})
}

// files returns the paths of the data files and the maps below dir.
func files(t testing.TB, dir string) (data, maps []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil || e.IsDir() || !strings.Contains(path, "/objects/"):
		case strings.HasSuffix(path, ".map"):
			maps = append(maps, path)
		default:
			data = append(data, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return data, maps
}

// home returns the one mount's directory below dir.
func home(t testing.TB, dir string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "bucket-*"))
	if err != nil || len(found) != 1 {
		t.Fatalf("mounts' directories: %v, %v", found, err)
	}
	return found[0]
}

// reread opens the cache, reads the object whole and right, and returns how
// many blocks had to be fetched.
func reread(t *testing.T, dir string, obj s3backend.Object, n int) (fetched int64, stats blockcache.Stats) {
	t.Helper()
	c := open(t, config(dir, 1000))
	src := &source{}
	v := c.Version(obj)
	readAll(t, v, src, n)
	v.Close()
	stats = c.Stats()
	closeCache(t, c)
	return src.requests.Load(), stats
}

func TestBlocksSurviveARestart(t *testing.T) {
	for _, size := range []int64{1, kib - 1, kib, kib + 1, 10*kib + 77, 600 * kib} {
		dir := t.TempDir()
		obj := codedObject("a", size)
		seeded(t, dir, obj)
		for _, n := range []int{kib, 100} {
			fetched, stats := reread(t, dir, obj, n)
			if fetched != 0 || stats.DiskHits != size || stats.Mismatches != 0 {
				t.Fatalf("size %d by %d: %d requests, %+v", size, n, fetched, stats)
			}
		}
		data, maps := files(t, dir)
		if len(data) != 1 || len(maps) != 1 {
			t.Fatalf("files: %v %v", data, maps)
		}
	}
}

func TestCachedCountsBlocksOnDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, config(t.TempDir(), 2000))
		defer closeCache(t, c)
		v := c.Version(codedObject("a", 1000*kib+1))
		defer v.Close()
		src := &source{}
		for _, i := range []int64{0, 511, 512, 1000} {
			fetch(t, v, src, i, 1, true)
			synctest.Wait()
		}
		if present, total := v.Cached(); present != 4 || total != 1001 {
			t.Fatalf("%d of %d", present, total)
		}
		if at, n := v.Missing(511, 1000); at != 513 || n != 487 {
			t.Fatalf("missing %d, %d", at, n)
		}
		if got := c.Stats().DiskBytes; got != 3*kib+1 {
			t.Fatalf("%d bytes on disk", got)
		}
	})
}

func TestNobodyElsesBlocks(t *testing.T) {
	dir := t.TempDir()
	obj := codedObject("a", 3*kib)
	seeded(t, dir, obj)
	for _, change := range []func(*blockcache.Config, *s3backend.Object){
		func(c *blockcache.Config, _ *s3backend.Object) { c.Namespace.Endpoint = "http://other" },
		func(c *blockcache.Config, _ *s3backend.Object) { c.Namespace.Bucket = "other" },
		func(c *blockcache.Config, _ *s3backend.Object) { c.Namespace.Prefix = "p/" },
		func(c *blockcache.Config, _ *s3backend.Object) { c.Namespace.KeyID = "k" },
		func(_ *blockcache.Config, o *s3backend.Object) { o.Key = "b" },
		func(_ *blockcache.Config, o *s3backend.Object) { o.ETag = `"b"` },
		func(_ *blockcache.Config, o *s3backend.Object) { o.Size++ },
	} {
		cfg, other := config(dir, 1000), obj
		change(&cfg, &other)
		c := open(t, cfg)
		v := c.Version(other)
		if _, n := v.Missing(0, 3); n != 3 {
			t.Errorf("%+v %+v finds blocks", cfg.Namespace, other)
		}
		v.Close()
		closeCache(t, c)
	}
	withID := obj
	withID.VersionID = "1" // as HEAD knows it and a listing does not
	if fetched, _ := reread(t, dir, withID, kib); fetched != 0 {
		t.Error("a known version id makes other blocks")
	}
}

func TestEveryFlippedByteOfAMapIsAMiss(t *testing.T) {
	dir := t.TempDir()
	obj := codedObject("a", 3*kib+5)
	seeded(t, dir, obj)
	_, maps := files(t, dir)
	whole, err := os.ReadFile(maps[0])
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		raw := bytes.Clone(whole)
		raw[i] ^= 0x10
		rewrite(t, maps[0], raw)
		fetched, _ := reread(t, dir, obj, kib)
		want := int64(1)
		switch {
		case i < blockcache.HeaderSize:
			want = 4
		case i < blockcache.EntriesOffset:
			want = 0 // the seal vouches for all or for nothing
		}
		if fetched != want {
			t.Fatalf("byte %d flipped: %d blocks fetched", i, fetched)
		}
		if fetched, _ := reread(t, dir, obj, kib); fetched != 0 {
			t.Fatalf("byte %d flipped: still %d blocks fetched after the repair", i, fetched)
		}
	}
}

func TestEveryFlippedByteOfABlockIsAMiss(t *testing.T) {
	dir := t.TempDir()
	obj := codedObject("a", 200)
	seeded(t, dir, obj)
	data, _ := files(t, dir)
	whole, err := os.ReadFile(data[0])
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		raw := bytes.Clone(whole)
		raw[i] ^= 1
		rewrite(t, data[0], raw)
		fetched, stats := reread(t, dir, obj, 50)
		if fetched != 1 || stats.Mismatches != 1 {
			t.Fatalf("byte %d flipped: %d blocks fetched, %d mismatches", i, fetched, stats.Mismatches)
		}
	}
}

func TestEveryLengthOfAFileIsAMiss(t *testing.T) {
	dir := t.TempDir()
	obj := codedObject("a", 2*kib+5)
	seeded(t, dir, obj)
	data, maps := files(t, dir)
	for _, path := range []string{data[0], maps[0]} {
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lengths := []int64{int64(len(whole)) + 1, 1 << 20}
		for n := range int64(len(whole)) {
			if path == maps[0] || n%97 == 0 || n > 2*kib {
				lengths = append(lengths, n)
			}
		}
		for _, n := range lengths {
			if err := os.Truncate(path, n); err != nil {
				t.Fatal(err)
			}
			if fetched, _ := reread(t, dir, obj, kib); fetched != 3 {
				t.Fatalf("%s cut to %d: %d blocks fetched", path, n, fetched)
			}
		}
	}
}

func rewrite(t testing.TB, path string, raw []byte) {
	t.Helper()
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

// F51, F52, F54, F58: what may stand where a file should.
func TestForeignThingsInTheCache(t *testing.T) {
	obj, twin := codedObject("a", 3*kib), codedObject("b", 3*kib)
	outside := filepath.Join(t.TempDir(), "outside")
	for _, tc := range []struct {
		name   string
		damage func(path, twin string) error
	}{
		{"removed", func(p, _ string) error { return os.Remove(p) }},
		{"zeros", func(p, _ string) error { return zero(p) }},
		{"directory", func(p, _ string) error { return errFirst(os.Remove(p), os.MkdirAll(p+"/x/y", 0o700)) }},
		{"FIFO", func(p, _ string) error { return errFirst(os.Remove(p), unix.Mkfifo(p, 0o600)) }},
		{"symbolic link", func(p, _ string) error {
			return errFirst(os.Rename(p, outside), os.Symlink(outside, p))
		}},
		{"hard link", func(p, _ string) error { return errFirst(os.Rename(p, outside), os.Link(outside, p)) }},
		{"device", func(p, _ string) error {
			return errFirst(os.Remove(p), unix.Mknod(p, unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))))
		}},
		{"the twin's", func(p, twin string) error {
			raw, err := os.ReadFile(twin)
			return errFirst(err, os.WriteFile(p, raw, 0o600))
		}},
	} {
		for _, which := range []string{"data", "map"} {
			t.Run(tc.name+" for "+which, func(t *testing.T) {
				if tc.name == "device" && os.Geteuid() != 0 {
					t.Skip("only root makes devices")
				}
				dir, other := t.TempDir(), t.TempDir()
				seeded(t, dir, obj)
				seeded(t, other, twin)
				data, maps := files(t, dir)
				twinData, twinMaps := files(t, other)
				path, from := data[0], twinData[0]
				if which == "map" {
					path, from = maps[0], twinMaps[0]
				}
				os.Remove(outside)
				if err := tc.damage(path, from); err != nil {
					t.Fatal(err)
				}
				before, _ := os.ReadFile(outside)
				fetched, _ := reread(t, dir, obj, kib)
				if sameBytes := tc.name == "the twin's" && which == "data"; !sameBytes && fetched != 3 {
					t.Fatalf("%d blocks fetched", fetched)
				}
				if after, _ := os.ReadFile(outside); !bytes.Equal(before, after) {
					t.Fatal("written through")
				}
				if fetched, _ := reread(t, dir, obj, kib); fetched != 0 {
					t.Fatalf("%d blocks fetched after the repair", fetched)
				}
			})
		}
	}
}

func zero(path string) error {
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	return errFirst(os.Truncate(path, 0), os.Truncate(path, st.Size()))
}

func flip(path string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for i := 50; i < len(raw); i += 100 {
		raw[i] ^= 1
	}
	return os.WriteFile(path, raw, 0o600)
}

func errFirst(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// F61: files removed, emptied and changed while they are open.
func TestDamageWhileMounted(t *testing.T) {
	for name, damage := range map[string]func(path string) error{
		"removed":   os.Remove,
		"truncated": func(p string) error { return os.Truncate(p, 0) },
		"zeroed":    zero,
		"flipped":   flip,
		"all gone":  func(p string) error { return os.RemoveAll(filepath.Dir(filepath.Dir(filepath.Dir(p)))) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			obj := codedObject("a", 20*kib)
			seeded(t, dir, obj)
			data, maps := files(t, dir)
			c := open(t, config(dir, 1000))
			src := &source{}
			v := c.Version(obj)
			readAll(t, v, src, 100) // verified, and mostly not in memory any more
			for _, path := range append(data, maps...) {
				if err := damage(path); err != nil && !os.IsNotExist(err) {
					t.Fatal(err)
				}
			}
			readAll(t, v, src, 100)
			readAll(t, v, src, kib)
			v.Close()
			closeCache(t, c)
			if c = open(t, config(dir, 1000)); c.Stats().DiskBytes > obj.Size {
				t.Fatalf("%d bytes counted", c.Stats().DiskBytes)
			}
			closeCache(t, c)
		})
	}
}

// After the sweep a version that it has not met is not looked for on the disk:
// what somebody else puts there meanwhile is fetched again, and replaced.
func TestFilesThatCameAfterTheSweep(t *testing.T) {
	elsewhere, dir := t.TempDir(), t.TempDir()
	obj := codedObject("k", 3*kib+5)
	seeded(t, elsewhere, obj)
	synctest.Test(t, func(t *testing.T) {
		c := open(t, config(dir, 1000))
		synctest.Wait()
		data, maps := files(t, elsewhere)
		for _, path := range append(data, maps...) {
			rel, err := filepath.Rel(elsewhere, path)
			if err != nil {
				t.Fatal(err)
			}
			p, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, rel)), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, rel), p, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		v := c.Version(obj)
		if at, n := v.Missing(0, 4); at != 0 || n != 4 {
			t.Errorf("%d blocks missing from %d on, want all 4", n, at)
		}
		v.Close()
		src := &source{}
		fill(t, c, src, obj)
		if n := src.requests.Load(); n == 0 {
			t.Error("nothing was fetched")
		}
		closeCache(t, c)

		c = open(t, config(dir, 1000))
		v = c.Version(obj)
		if present, total := v.Cached(); present != total {
			t.Errorf("%d of %d blocks are cached", present, total)
		}
		v.Close()
		closeCache(t, c)
	})
}
