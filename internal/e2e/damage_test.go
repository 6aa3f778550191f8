package e2e_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestDamagedCache changes, cuts off, removes and replaces files of the cache, with
// and without a daemon at work. The worst that may come of it is a new download.
func TestDamagedCache(t *testing.T) {
	s := newStand(t)
	precious := filepath.Join(s.dir, "precious")
	write(t, precious, []byte("not the cache's"))
	var files []file
	for i := range 12 {
		files = append(files, s.put(fmt.Sprintf("f%d", i), int64(i)*300*kib+1))
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range soak(t, 4) {
		d := s.mount("--block-size", "64KiB", "--log-level", "info")
		for _, f := range files {
			f.verify(t)
		}
		s.damage(t, r, precious)
		for i, f := range files {
			j := f.job([]string{"direct", "mmap", "random"}[i%3])
			if v := j.must(t); v.SHA256 != f.sha256() {
				t.Errorf("%s of %s: sha256 %s, want %s", j.Mode, f.key, v.SHA256, f.sha256())
			}
		}
		if code := d.unmount(); code != 0 {
			t.Errorf("unmount: exit code %d", code)
		}
		s.damage(t, r, precious)
		// Other versions, so that not all that is read lies in the page cache.
		for i := range files {
			if r.IntN(4) == 0 {
				files[i] = s.overwrite(files[i], files[i].size)
			}
		}
	}
	s.mount("--block-size", "64KiB")
	for _, f := range files {
		f.verify(t)
	}
	if text, err := os.ReadFile(precious); err != nil || string(text) != "not the cache's" {
		t.Errorf("a file that links in the cache led to is now %q, %v", text, err)
	}
}

// damage does something bad to about half of the files below the cache directory,
// but for the lock. precious is a file that is none of the cache's.
func (s *stand) damage(t *testing.T, r *rand.Rand, precious string) {
	t.Helper()
	last := precious // the file before, to swap with
	err := filepath.WalkDir(s.cache, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || e.Name() == "lock" || r.IntN(2) == 0 {
			return err
		}
		info, err := e.Info()
		if err != nil || info.Sys().(*syscall.Stat_t).Nlink > 1 { // our own link
			return err
		}
		ways := []func() error{
			func() error { return os.Truncate(path, r.Int64N(info.Size()+1)) },
			func() error { return os.Truncate(path, info.Size()+r.Int64N(mib)) },
			func() error { return flip(path, info.Size(), r) },
			func() error { return os.Remove(path) },
			func() error { return errors.Join(os.Remove(path), os.Symlink(precious, path)) },
			func() error { return errors.Join(os.Remove(path), os.Link(precious, path)) },
			func() error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
			func() error { return errors.Join(os.Remove(path), unix.Mkfifo(path, 0o600)) },
			func() error { return errors.Join(os.Remove(path), unix.Mknod(path, unix.S_IFSOCK|0o600, 0)) },
			func() error { return os.Chmod(path, 0) },
			func() error { return zeroed(path, info.Size()) },
			func() error { return copied(path, last) },
		}
		if last != precious {
			ways = append(ways, func() error { return swapped(path, last) })
		}
		if os.Geteuid() == 0 {
			ways = append(ways,
				func() error { return os.Chown(path, 12345, 12345) },
				func() error {
					return errors.Join(os.Remove(path), unix.Mknod(path, unix.S_IFCHR|0o600, int(unix.Mkdev(1, 5))))
				})
		}
		last = path
		return ways[r.IntN(len(ways))]()
	})
	// A daemon at work may have removed what it has found to be damaged.
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist) {
		t.Fatal(err)
	}
}

// zeroed leaves a file's length and none of its bytes.
func zeroed(path string, size int64) error {
	return errors.Join(os.Truncate(path, 0), os.Truncate(path, size))
}

// copied puts the bytes of another file into one.
func copied(path, from string) error {
	if st, err := os.Lstat(from); err != nil || !st.Mode().IsRegular() {
		return nil // it has been replaced by what cannot be read to an end
	}
	raw, err := os.ReadFile(from)
	return errors.Join(err, os.WriteFile(path, raw, 0o600))
}

// swapped exchanges two files.
func swapped(a, b string) error {
	return unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
}

// flip changes a few bytes of a file.
func flip(path string, size int64, r *rand.Rand) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	for range 5 {
		if _, err := f.WriteAt([]byte{byte(r.Uint32())}, r.Int64N(size+1)); err != nil {
			return err
		}
	}
	return nil
}
